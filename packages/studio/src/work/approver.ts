import { createHash } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { Approval, Gate } from "@holdfast/gate";
import type { RpcId } from "@holdfast/sandbox-client";
import { decideIfPending } from "../approvals/decide-if-pending.ts";
import type { ApprovalChoice } from "../backend/host.ts";
import type { ApprovalView } from "../contract.ts";
import type { StudioLimits } from "../limits.ts";
import type { TaskBackend } from "./backend.ts";
import { type PermissionRequest, parsePermission, type ToolCallHistory } from "./permission.ts";
import type { SessionLog } from "./session-log.ts";

export interface ApproverOptions {
  readonly gate: Gate;
  readonly task: TaskBackend;
  readonly log: SessionLog;
  readonly limits: StudioLimits;
  readonly sessionId: string;
  readonly jailId: string;
  readonly calls: ToolCallHistory;
}

/** ACP's outcome of a permission request. */
export type PermissionOutcome =
  | { readonly outcome: "selected"; readonly optionId: string }
  | { readonly outcome: "cancelled" };

interface Pending {
  choice: ApprovalChoice | undefined;
  readonly done: Promise<unknown>;
}

/** Turns an agent's permission requests into approvals of the gate: durable, single use, bound to the exact call. */
export class Approver {
  readonly #options: ApproverOptions;
  readonly #pending = new Map<string, Pending>();

  constructor(options: ApproverOptions) {
    this.#options = options;
  }

  /** Resolves when a person has answered, or the question has expired or was cancelled. */
  async request(id: RpcId, params: unknown): Promise<PermissionOutcome> {
    const { gate, limits, sessionId, jailId, calls } = this.#options;
    const request = parsePermission(params, calls, limits.maxApprovalDetailBytes);
    if (request === undefined || this.#pending.size >= limits.maxPendingApprovals)
      return { outcome: "cancelled" };
    const call = {
      session: agentQuestionSession(sessionId),
      // Unique per request: two identical-looking questions need two answers.
      tool: `acp:${request.kind ?? "other"}:${jailId}:${String(id)}`.slice(0, 200),
      arguments: approvalBinding(request.call, limits.maxEnvelopeBytes),
    };
    const approval = await gate.approvals.request({
      ...call,
      title: request.title,
      timeoutMs: limits.approvalTtlMs,
    });
    const done = Promise.withResolvers<void>();
    this.#pending.set(approval.id, { choice: undefined, done: done.promise });
    try {
      return await this.#settle(approval, request, call);
    } finally {
      this.#pending.delete(approval.id);
      done.resolve();
    }
  }

  /** True while the agent waits for the answer to this question. */
  async isAwaitingAnswer(approvalId: string): Promise<boolean> {
    if (!this.#pending.has(approvalId)) return false;
    return (await this.#options.gate.approvals.get(approvalId))?.state === "pending";
  }

  /** Resolves to true once the answer is on its way to the agent, or to false if the agent no longer waits. */
  async deliverAnswer(approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    const pending = this.#pending.get(approvalId);
    // Only one choice can be on its way: that of an answer that the gate refuses must not reach the agent.
    if (pending === undefined || pending.choice !== undefined) return false;
    if (!(await this.isAwaitingAnswer(approvalId)) || pending.choice !== undefined) return false;
    pending.choice = choice;
    let isDecided = false;
    try {
      const decision = choice.allowed ? "allow" : "deny";
      isDecided = await decideIfPending(this.#options.gate, approvalId, decision);
    } finally {
      if (!isDecided) pending.choice = undefined;
    }
    if (!isDecided) return false;
    await pending.done;
    return true;
  }

  async cancelAll(): Promise<void> {
    if (this.#pending.size === 0) return;
    await this.#options.gate.approvals.cancelSession(agentQuestionSession(this.#options.sessionId));
    await Promise.all([...this.#pending.values()].map(({ done }) => done));
  }

  async #settle(
    approval: Approval,
    request: PermissionRequest,
    call: { readonly session: string; readonly tool: string; readonly arguments: unknown },
  ): Promise<PermissionOutcome> {
    const { gate, task, log } = this.#options;
    const view = toApprovalView(approval, request);
    await log.append({
      body: { type: "approval-requested", approval: view },
      dedupeKey: `asked/${approval.id}`,
    });
    await task.report({ type: "approval-requested", approval: view });
    const decided = await gate.approvals.wait(approval.id);
    const { choice } = this.#pending.get(approval.id) ?? {};
    const outcome = approvalOutcome(decided);
    if (outcome === "allowed") await gate.approvals.consume(approval.id, call);
    const isAnswered = outcome === "allowed" || outcome === "denied";
    const optionId = isAnswered ? choice?.optionId : undefined;
    await log.append({
      body: {
        type: "approval-settled",
        approvalId: approval.id,
        outcome,
        ...(optionId === undefined ? {} : { optionId }),
      },
      dedupeKey: `settled/${approval.id}`,
    });
    await task.report({ type: "approval-settled", approvalId: approval.id });
    return optionId === undefined ? { outcome: "cancelled" } : { outcome: "selected", optionId };
  }
}

/**
 * The value that an answer is bound to: the call, or its digest if the call is too long for a record of the gate
 * (writing a long file, for example).
 */
function approvalBinding(call: unknown, maxBytes: number): unknown {
  const text = JSON.stringify(call);
  if (Buffer.byteLength(text) <= maxBytes) return call;
  return { sha256: createHash("sha256").update(text).digest("hex") };
}

const agentSuffix = "/agent";

/** Session id for the agent's own questions. It differs from the gate's, because those outlive the agent. */
function agentQuestionSession(sessionId: string): string {
  return `${sessionId}${agentSuffix}`;
}

/** True for a question of the agent, false for one of the gate. */
export function isAgentQuestion(approval: Approval): boolean {
  return approval.session.endsWith(agentSuffix);
}

export function approvalOutcome(approval: Approval): "allowed" | "denied" | "expired" | "cancelled" {
  switch (approval.state) {
    case "allowed":
    case "consumed":
      return "allowed";
    case "denied":
    case "expired":
    case "cancelled":
      return approval.state;
    case "pending":
      throw new HoldfastError("approval", "not_settled", "The question has not been settled yet");
  }
}

function toApprovalView(approval: Approval, request: PermissionRequest): ApprovalView {
  return {
    id: approval.id,
    title: approval.title,
    ...(request.kind === undefined ? {} : { kind: request.kind }),
    detail: request.detail,
    truncated: request.truncated,
    options: request.options,
    createdAt: approval.createdAt,
    expiresAt: approval.expiresAt,
  };
}
