/** What the runner of a task reports, and what that does to its sessions. */
import { HoldfastError } from "@holdfast/core";
import type { Place } from "../../cluster/place.ts";
import type { ApprovalView, TaskError, TaskStatus, TokenUsage } from "../../contract.ts";
import { asksForSecrets } from "../forks/state.ts";
import { isOpen, sessionsOf, type TaskSession, type TaskState } from "../task-state.ts";

/** A report from the runner to the task. Each is one durable step. */
export type TaskReport =
  | {
      readonly type: "prepared";
      readonly base: { readonly branch: string; readonly commit: string };
      /** Where the files are. Absent on a single node. */
      readonly place?: Place;
    }
  | { readonly type: "agent-ready"; readonly agentSessionId: string }
  | { readonly type: "approval-requested"; readonly approval: ApprovalView }
  | { readonly type: "approval-settled"; readonly approvalId: string }
  | { readonly type: "turn-ended"; readonly promptId: string }
  | { readonly type: "put-down"; readonly promptId: string }
  | { readonly type: "failed"; readonly promptId: string; readonly error: TaskError }
  | { readonly type: "stopped" }
  /** All that it has used so far. */
  | { readonly type: "usage"; readonly usage: TokenUsage };

const maxSettled = 200;
const maxFinishedPrompts = 200;
export function applyReport(state: TaskState, report: TaskReport, session: TaskSession = state): void {
  switch (report.type) {
    case "prepared":
      state.base = { ...report.base };
      if (report.place !== undefined) state.place = { ...report.place };
      return;
    case "agent-ready":
      session.agentSessionId = report.agentSessionId;
      state.changed = true;
      if (session.status === "preparing") session.status = "running";
      return;
    case "approval-requested":
      if (session.approvals.some(({ id }) => id === report.approval.id)) return;
      session.approvals.push(report.approval);
      // A leftover background process can ask between turns; that question blocks no turn.
      if (session.prompts.some(isOpen)) session.status = "waiting";
      return;
    case "approval-settled":
      settleApproval(session, report.approvalId);
      return;
    case "turn-ended":
      if (!isSent(session, report.promptId)) return;
      endPrompt(session, report.promptId, "done");
      endTurn(session, session.prompts.some((row) => row.state === "queued") ? "running" : "idle");
      return;
    case "put-down": {
      const row = session.prompts.find(({ id, state: at }) => id === report.promptId && at === "sent");
      if (row !== undefined) row.putDown = (row.putDown ?? 0) + 1;
      return;
    }
    case "failed":
      if (!isSent(session, report.promptId)) return;
      endPrompt(session, report.promptId, "failed");
      endTurn(session, asksForSecrets(report.error) ? "waiting" : "failed");
      session.error = report.error;
      return;
    case "stopped":
      for (const row of session.prompts) {
        if (isOpen(row)) row.state = "cancelled";
      }
      endTurn(session, "stopped");
      session.stopping = false;
      return;
    case "usage":
      if (report.usage.requests >= session.usage.requests) session.usage = { ...report.usage };
      return;
  }
}

/** Records that the runners were stopped in good order, in whatever they did. */
export function interruptWork(state: TaskState): void {
  for (const session of sessionsOf(state))
    for (const { id, state: at } of session.prompts)
      if (at === "sent") applyReport(state, { type: "put-down", promptId: id }, session);
}

/** Throws `task.runner_replaced` unless the claim is that of the newest runner. */
export function requireClaim(state: { readonly claim?: number }, claim: number | null | undefined): void {
  if (claim !== undefined && claim !== null && claim !== state.claim) throw runnerReplaced();
}

export function runnerReplaced(): HoldfastError {
  const message = "Another process runs this task by now";
  return new HoldfastError("task", "runner_replaced", message, { statusCode: 409 });
}

export function settleApproval(session: TaskSession, approvalId: string): void {
  if (!session.approvals.some((approval) => approval.id === approvalId)) return;
  session.approvals = session.approvals.filter((approval) => approval.id !== approvalId);
  recordSettled(session, approvalId);
  // With an error, it waits for another answer.
  const isAnswered = session.approvals.length === 0 && session.error === undefined;
  if (session.status === "waiting" && isAnswered) session.status = "running";
}

function recordSettled(session: TaskSession, approvalId: string): void {
  const [oldest] = session.settled;
  if (session.settled.length >= maxSettled && oldest !== undefined) delete session.answers?.[oldest];
  session.settled = [...session.settled, approvalId].slice(-maxSettled);
}

/** False for a prompt that a stop cancelled while its turn was ending. */
function isSent(session: TaskSession, promptId: string): boolean {
  return session.prompts.some(({ id, state: at }) => id === promptId && at === "sent");
}

function endPrompt(session: TaskSession, promptId: string, end: "done" | "failed"): void {
  const row = session.prompts.find((prompt) => prompt.id === promptId);
  if (row !== undefined) row.state = end;
}

function endTurn(session: TaskSession, status: TaskStatus): void {
  // Questions of the gate outlive the turn: the same request made again joins the open question.
  for (const { id, boundary } of session.approvals) if (boundary === undefined) recordSettled(session, id);
  session.approvals = session.approvals.filter((each) => each.boundary !== undefined);
  session.status = status;
  const open = session.prompts.filter(isOpen);
  const finished = session.prompts.filter((row) => !isOpen(row));
  if (finished.length > maxFinishedPrompts)
    session.prompts = [...finished.slice(-maxFinishedPrompts), ...open];
}
