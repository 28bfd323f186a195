import { isErrorCode } from "@holdfast/core";
import type { Approval, ApprovalDecision, Gate } from "@holdfast/gate";
import { decideIfPending } from "../approvals/decide-if-pending.ts";
import { gateAnswers } from "../approvals/gate-answers.ts";
import type { ApprovalChoice } from "../backend/host.ts";
import type { ApprovalView } from "../contract.ts";
import { approvalOutcome, isAgentQuestion } from "./approver.ts";
import type { TaskBackend } from "./backend.ts";
import type { SessionLog } from "./session-log.ts";

export interface GateQuestionsOptions {
  readonly gate: Gate;
  readonly task: TaskBackend;
  readonly log: SessionLog;
  readonly sessionId: string;
  /** Called when a question cannot be shown. It stays open until it expires. */
  readonly onShowError: (error: unknown) => void;
}

/**
 * Shows the gate's questions about one session: tool calls that need a person's approval. They belong to the gate, not
 * to the agent: they outlive its process, and nothing in the jail can answer them.
 */
export class GateQuestions {
  readonly #options: GateQuestionsOptions;
  readonly #stop: () => void;
  readonly #shown = new Set<string>();

  constructor(options: GateQuestionsOptions) {
    this.#options = options;
    const { approvals } = options.gate;
    this.#stop = approvals.onAsked((approval) => this.#show(approval));
    void this.#showPending().catch(options.onShowError);
  }

  async #showPending(): Promise<void> {
    const { gate, sessionId } = this.#options;
    for (const approval of await gate.approvals.list({ session: sessionId, state: "pending" }))
      this.#show(approval);
  }

  /** Stops showing new questions. Questions that are already shown are still settled. */
  close(): void {
    this.#stop();
  }

  #show(approval: Approval): void {
    if (approval.session !== this.#options.sessionId || this.#shown.has(approval.id)) return;
    this.#shown.add(approval.id);
    this.#settle(approval).catch(this.#options.onShowError);
  }

  async #settle(approval: Approval): Promise<void> {
    const { gate, task, log } = this.#options;
    const { id } = approval;
    const rule = approval.proposal !== undefined && gate.takesPolicyRule(approval.proposal);
    const view = toApprovalView(approval, rule);
    await log.append({ body: { type: "approval-requested", approval: view }, dedupeKey: `asked/${id}` });
    await task.report({ type: "approval-requested", approval: view });
    await settleShownQuestion(this.#options, id);
  }
}

/**
 * Waits until the gate has settled a shown question, then settles it in the log and the task. Works for questions that
 * were settled while no process watched them.
 */
export async function settleShownQuestion(
  { gate, task, log }: Pick<GateQuestionsOptions, "gate" | "task" | "log">,
  approvalId: string,
): Promise<void> {
  // After a restore, the gate may not know the question; it is cancelled then.
  const isKnown = (await gate.approvals.get(approvalId)) !== undefined;
  const outcome = isKnown ? await waitForOutcome(gate, approvalId) : "cancelled";
  if (outcome === undefined) return;
  await log.append({
    body: { type: "approval-settled", approvalId, outcome },
    dedupeKey: `settled/${approvalId}`,
  });
  await task.report({ type: "approval-settled", approvalId });
}

/** Undefined if the gate closes first. The question stays open, and the next host takes it over. */
async function waitForOutcome(
  gate: Gate,
  approvalId: string,
): Promise<ReturnType<typeof approvalOutcome> | undefined> {
  try {
    return approvalOutcome(await gate.approvals.wait(approvalId));
  } catch (error) {
    if (isErrorCode(error, "gate", "closed")) return undefined;
    throw error;
  }
}

/** True for an unanswered question of the gate. */
export async function isGateQuestionOpen(gate: Gate, approvalId: string): Promise<boolean> {
  const approval = await gate.approvals.get(approvalId);
  return approval !== undefined && !isAgentQuestion(approval) && approval.state === "pending";
}

/**
 * Delivers a person's answer to the gate, with or without a running agent. Returns false if the gate does not wait for
 * it. Calls `onRuleError` if a rule could not be written; the call is then allowed once.
 */
export async function deliverGateAnswer(
  gate: Gate,
  taskId: string,
  approvalId: string,
  choice: ApprovalChoice,
  onRuleError: (error: unknown) => void,
): Promise<boolean> {
  if (!(await isGateQuestionOpen(gate, approvalId))) return false;
  // Write the rule first. After a crash in between, the worst case is a repeated question.
  const { proposal, session } = (await gate.approvals.get(approvalId)) ?? {};
  if (choice.optionId === gateAnswers.byRule && proposal !== undefined) {
    const { person, name } = choice.by;
    const acceptance = {
      ...{ by: person, task: taskId },
      ...(name === undefined ? {} : { name }),
      ...(session === undefined ? {} : { session }),
    };
    await gate.addPolicyRule(proposal, acceptance).catch(onRuleError);
  }
  return decideIfPending(gate, approvalId, toDecision(choice));
}

function toDecision({ allowed, optionId }: ApprovalChoice): ApprovalDecision {
  if (!allowed) return "deny";
  return optionId === gateAnswers.forTask ? "allow_for_session" : "allow";
}

function toApprovalView(approval: Approval, canAddRule: boolean): ApprovalView {
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
      ...(canAddRule
        ? [{ id: gateAnswers.byRule, name: "Always allow this narrowly", kind: "allow_always" } as const]
        : []),
      { id: gateAnswers.deny, name: "Deny", kind: "reject_once" },
    ],
    createdAt: approval.createdAt,
    expiresAt: approval.expiresAt,
  };
}
