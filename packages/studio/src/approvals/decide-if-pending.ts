import { isErrorCode } from "@holdfast/core";
import type { ApprovalDecision, Gate } from "@holdfast/gate";

/** Delivers the owner's decision to the gate. Returns false if another one came first. Throws `approval.not_found`. */
export async function decideIfPending(
  gate: Gate,
  approvalId: string,
  decision: ApprovalDecision,
): Promise<boolean> {
  try {
    await gate.approvals.decide(approvalId, decision, "owner");
    return true;
  } catch (error) {
    if (isErrorCode(error, "approval", "not_pending")) return false;
    throw error;
  }
}
