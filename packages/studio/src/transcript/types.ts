import type { ApprovalView, TaskError } from "../contract.ts";

/** What a person reads of a session: the web app and the command line show the same view model. */
export interface Transcript {
  /** The newest sequence that has been taken in; events at or below it are ignored. */
  readonly head: number;
  readonly items: readonly TranscriptItem[];
  /** The agent's current plan; it replaces itself as a whole. */
  readonly plan: readonly TranscriptPlanEntry[];
  /** Approvals that wait, oldest first. */
  readonly pendingApprovals: readonly ApprovalView[];
  /** True between a prompt and the end of its turn. */
  readonly running: boolean;
  /** The context window, as the agent tells it; not the metered use. */
  readonly context?: { readonly used: number; readonly size: number };
  readonly title?: string;
  /** What the reducer needs to go on; not for display. */
  readonly memory: TranscriptMemory;
}

export interface TranscriptMemory {
  /** The id of a `session/load` request that has no answer yet: what the agent repeats is not shown. */
  readonly loading?: string;
  /** Raised whenever a new agent process begins, since its tool call ids may begin anew. */
  readonly incarnation: number;
  /** True when the next message or thought begins a new item. */
  readonly broken: boolean;
}

export type TranscriptItem =
  | { readonly type: "prompt"; readonly id: string; readonly at: number; readonly text: string }
  | { readonly type: "message"; readonly id: string; readonly at: number; readonly text: string }
  | { readonly type: "thought"; readonly id: string; readonly at: number; readonly text: string }
  | TranscriptToolCall
  | {
      readonly type: "approval";
      readonly id: string;
      readonly at: number;
      readonly approval: ApprovalView;
      readonly state: "waiting" | "allowed" | "denied" | "expired" | "cancelled";
      readonly optionId?: string;
    }
  | {
      readonly type: "notice";
      readonly id: string;
      readonly at: number;
      readonly level: "info" | "warning";
      readonly kind: "agent-started" | "interrupted" | "turn-ended" | "mode" | "agent-error";
      readonly text: string;
    }
  | { readonly type: "failed"; readonly id: string; readonly at: number; readonly error: TaskError };

export interface TranscriptToolCall {
  readonly type: "tool";
  readonly id: string;
  readonly at: number;
  readonly toolCallId: string;
  readonly title: string;
  /** ACP tool kind: read, edit, delete, move, search, execute, think, fetch, switch_mode, other. */
  readonly kind: string;
  readonly status: "pending" | "in_progress" | "completed" | "failed";
  /** Input and output as text for people; cut at 64 KiB each. */
  readonly input: string;
  readonly output: string;
  readonly diffs: readonly TranscriptFileDiff[];
  readonly locations: readonly { readonly path: string; readonly line?: number }[];
}

export interface TranscriptFileDiff {
  readonly path: string;
  /** Absent for a new file. */
  readonly oldText?: string;
  readonly newText: string;
}

export interface TranscriptPlanEntry {
  readonly content: string;
  readonly priority: "high" | "medium" | "low";
  readonly status: "pending" | "in_progress" | "completed";
}
