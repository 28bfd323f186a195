import { createHash } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { Approval, Gate } from "@holdfast/gate";
import type { RpcId } from "@holdfast/sandbox-client";
import type { ApprovalChoice } from "../backend/host.ts";
import type { ApprovalView } from "../contract.ts";
import type { StudioLimits } from "../limits.ts";
import type { TaskBackend } from "./backend.ts";
import { type PermissionRequest, readPermission, type ToolCallHistory } from "./permission.ts";
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

/** What ACP calls the outcome of a permission request. */
export type PermissionOutcome =
  | { readonly outcome: "selected"; readonly optionId: string }
  | { readonly outcome: "cancelled" };

interface Pending {
  choice: ApprovalChoice | undefined;
  readonly done: Promise<unknown>;
}

/** Turns an agent's questions into approvals of the gate: durable, single use, bound to what was asked. */
export class Approver {
  readonly #options: ApproverOptions;
  readonly #pending = new Map<string, Pending>();

  constructor(options: ApproverOptions) {
    this.#options = options;
  }

  /** Resolves when a person has answered, or the question has expired or was cancelled. */
  async ask(id: RpcId, params: unknown): Promise<PermissionOutcome> {
    const { gate, limits, sessionId, jailId, calls } = this.#options;
    const request = readPermission(params, calls, limits.maxApprovalDetailBytes);
    if (request === undefined || this.#pending.size >= limits.maxPendingApprovals)
      return { outcome: "cancelled" };
    const call = {
      session: questionsOf(sessionId),
      // Two questions that look the same are two questions.
      tool: `acp:${request.kind ?? "other"}:${jailId}:${String(id)}`.slice(0, 200),
      arguments: boundTo(request.call, limits.maxEnvelopeBytes),
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
  waits(approvalId: string): boolean {
    return this.#pending.has(approvalId) && this.#options.gate.approvals.get(approvalId)?.state === "pending";
  }

  /** Resolves when the answer is on its way to the agent; false when that waits no more. */
  async answer(approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    const pending = this.#pending.get(approvalId);
    if (pending === undefined || !this.waits(approvalId)) return false;
    pending.choice = choice;
    await this.#options.gate.approvals.decide(approvalId, choice.allowed ? "allow" : "deny", "owner");
    await pending.done;
    return true;
  }

  async cancelAll(): Promise<void> {
    if (this.#pending.size === 0) return;
    await this.#options.gate.approvals.cancelSession(questionsOf(this.#options.sessionId));
    await Promise.all([...this.#pending.values()].map(({ done }) => done));
  }

  async #settle(
    approval: Approval,
    request: PermissionRequest,
    call: { readonly session: string; readonly tool: string; readonly arguments: unknown },
  ): Promise<PermissionOutcome> {
    const { gate, task, log } = this.#options;
    const view = viewOf(approval, request);
    await log.append({ body: { type: "approval-requested", approval: view }, once: `asked/${approval.id}` });
    await task.report({ type: "approval-requested", approval: view });
    const decided = await gate.approvals.wait(approval.id);
    const { choice } = this.#pending.get(approval.id) ?? {};
    const outcome = outcomeOf(decided);
    if (outcome === "allowed") await gate.approvals.consume(approval.id, call);
    const answered = outcome === "allowed" || outcome === "denied";
    const optionId = answered ? choice?.optionId : undefined;
    await log.append({
      body: {
        type: "approval-settled",
        approvalId: approval.id,
        outcome,
        ...(optionId === undefined ? {} : { optionId }),
      },
      once: `settled/${approval.id}`,
    });
    await task.report({ type: "approval-settled", approvalId: approval.id });
    return optionId === undefined ? { outcome: "cancelled" } : { outcome: "selected", optionId };
  }
}

/**
 * What an answer is bound to: the call or, where it is longer than a record of the gate can hold, as when a
 * long file is written anew, its digest.
 */
function boundTo(call: unknown, maxBytes: number): unknown {
  const text = JSON.stringify(call);
  if (Buffer.byteLength(text) <= maxBytes) return call;
  return { sha256: createHash("sha256").update(text).digest("hex") };
}

const ofAgent = "/agent";

/** The agent's own questions are kept apart from those of the gate, which outlive the agent. */
function questionsOf(sessionId: string): string {
  return `${sessionId}${ofAgent}`;
}

/** True for a question that an agent asked, false for one of the gate. */
export function isAgentsOwn(approval: Approval): boolean {
  return approval.session.endsWith(ofAgent);
}

export function outcomeOf(approval: Approval): "allowed" | "denied" | "expired" | "cancelled" {
  switch (approval.state) {
    case "allowed":
    case "consumed":
      return "allowed";
    case "denied":
    case "expired":
    case "cancelled":
      return approval.state;
    case "pending":
      throw new HoldfastError("approval", "not_settled", "The question was handed out before it was settled");
  }
}

function viewOf(approval: Approval, request: PermissionRequest): ApprovalView {
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
