import { isErrorCode } from "@holdfast/core";
import type { Approval, ApprovalDecision, Gate } from "@holdfast/gate";
import { gateAnswers } from "../approvals/gate-answers.ts";
import type { ApprovalChoice } from "../backend/host.ts";
import type { ApprovalView } from "../contract.ts";
import { isAgentsOwn, outcomeOf } from "./approver.ts";
import type { TaskBackend } from "./backend.ts";
import type { SessionLog } from "./session-log.ts";

export interface GateQuestionsOptions {
  readonly gate: Gate;
  readonly task: TaskBackend;
  readonly log: SessionLog;
  readonly sessionId: string;
  /** Told when a question cannot be shown: it stays open, and expires. */
  readonly onLost: (error: unknown) => void;
}

/**
 * Shows the questions of the gate about one session: a call of a tool that a person has to allow. They
 * are of the gate, not of the agent: they outlive its process, and nothing in the jail answers them.
 */
export class GateQuestions {
  readonly #options: GateQuestionsOptions;
  readonly #stop: () => void;
  readonly #shown = new Set<string>();

  constructor(options: GateQuestionsOptions) {
    this.#options = options;
    const { approvals } = options.gate;
    this.#stop = approvals.onAsked((approval) => this.#show(approval));
    for (const approval of approvals.list({ session: options.sessionId, state: "pending" }))
      this.#show(approval);
  }

  /** Shows no further ones. Those that are shown are still taken away when they are settled. */
  close(): void {
    this.#stop();
  }

  #show(approval: Approval): void {
    if (approval.session !== this.#options.sessionId || this.#shown.has(approval.id)) return;
    this.#shown.add(approval.id);
    this.#settle(approval).catch(this.#options.onLost);
  }

  async #settle(approval: Approval): Promise<void> {
    const { gate, task, log } = this.#options;
    const { id } = approval;
    const rule = approval.proposal !== undefined && gate.takesPolicyRule(approval.proposal);
    const view = viewOf(approval, rule);
    await log.append({ body: { type: "approval-requested", approval: view }, once: `asked/${id}` });
    await task.report({ type: "approval-requested", approval: view });
    await settleShown(this.#options, id);
  }
}

/** Takes a question away that was shown, once it is settled: that may have been while nobody watched it. */
export async function settleShown(
  { gate, task, log }: Pick<GateQuestionsOptions, "gate" | "task" | "log">,
  approvalId: string,
): Promise<void> {
  // One that the gate does not know, as after a restore, waits for nobody any more.
  const isKnown = gate.approvals.get(approvalId) !== undefined;
  const outcome = isKnown ? await outcomeAt(gate, approvalId) : "cancelled";
  if (outcome === undefined) return;
  await log.append({
    body: { type: "approval-settled", approvalId, outcome },
    once: `settled/${approvalId}`,
  });
  await task.report({ type: "approval-settled", approvalId });
}

/** Undefined where the gate closes before: the question stays open, and the next host shows and takes it away. */
async function outcomeAt(gate: Gate, approvalId: string): Promise<ReturnType<typeof outcomeOf> | undefined> {
  try {
    return outcomeOf(await gate.approvals.wait(approvalId));
  } catch (error) {
    if (isErrorCode(error, "gate", "closed")) return undefined;
    throw error;
  }
}

/** True for a question of the gate that has no answer yet. */
export function gateWaits(gate: Gate, approvalId: string): boolean {
  const approval = gate.approvals.get(approvalId);
  return approval !== undefined && !isAgentsOwn(approval) && approval.state === "pending";
}

/**
 * Gives the gate a person's answer, whatever has become of the agent. False when the gate does not wait
 * for it. `onLost` is told when a rule could not be written: then the call is allowed, once.
 */
export async function answerGate(
  gate: Gate,
  approvalId: string,
  choice: ApprovalChoice,
  onLost: (error: unknown) => void,
): Promise<boolean> {
  if (!gateWaits(gate, approvalId)) return false;
  // The rule first: who is asked again although it was written loses nothing.
  const { proposal } = gate.approvals.get(approvalId) ?? {};
  if (choice.optionId === gateAnswers.byRule && proposal !== undefined)
    await gate.addPolicyRule(proposal, "owner").catch(onLost);
  await gate.approvals.decide(approvalId, decisionOf(choice), "owner");
  return true;
}

function decisionOf({ allowed, optionId }: ApprovalChoice): ApprovalDecision {
  if (!allowed) return "deny";
  return optionId === gateAnswers.forTask ? "allow_for_session" : "allow";
}

function viewOf(approval: Approval, rule: boolean): ApprovalView {
  return {
    id: approval.id,
    boundary: {
      tool: approval.tool,
      ...(approval.origin === undefined ? {} : { origin: approval.origin }),
    },
    ...(approval.proposal === undefined ? {} : { proposal: { ...approval.proposal } }),
    title: approval.title,
    detail: approval.detail,
    truncated: approval.truncated,
    options: [
      { id: gateAnswers.once, name: "Allow once", kind: "allow_once" },
      { id: gateAnswers.forTask, name: "Allow for this task", kind: "allow_always" },
      ...(rule
        ? [{ id: gateAnswers.byRule, name: "Always allow this narrowly", kind: "allow_always" } as const]
        : []),
      { id: gateAnswers.deny, name: "Deny", kind: "reject_once" },
    ],
    createdAt: approval.createdAt,
    expiresAt: approval.expiresAt,
  };
}
