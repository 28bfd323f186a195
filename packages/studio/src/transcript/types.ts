import type { AgentCommand, AgentOption, AttachmentView } from "../contract/prompts.ts";
import type { ApprovalView, TaskError } from "../contract.ts";

/** View model of a session's transcript, shared by the web app and the command line. */
export interface Transcript {
  /** Sequence number of the last applied event. Events up to it are ignored. */
  readonly head: number;
  readonly items: readonly TranscriptItem[];
  /** The agent's current plan. Each update replaces it completely. */
  readonly plan: readonly TranscriptPlanEntry[];
  /** Open approvals, oldest first. */
  readonly pendingApprovals: readonly ApprovalView[];
  /** True between a prompt and the end of its turn. */
  readonly running: boolean;
  /** The context window as reported by the agent; not the metered usage. */
  readonly context?: { readonly used: number; readonly size: number };
  readonly title?: string;
  /** Options of the agent, with what is chosen; empty before it has started. */
  readonly options: readonly AgentOption[];
  readonly commands: readonly AgentCommand[];
  /** Internal state of the reducer; not for display. */
  readonly reducerState: ReducerState;
}

export interface ReducerState {
  /** Id of a pending `session/load` request. Its replayed messages are not shown. */
  readonly loadRequestId?: string;
  /** Id of a pending `session/new` request. */
  readonly newRequestId?: string;
  /** Incremented for each new agent process, because its tool call ids may repeat earlier ones. */
  readonly incarnation: number;
  /** True if the next message or thought starts a new item. */
  readonly startsNewItem: boolean;
}

export type TranscriptItem =
  | {
      readonly type: "prompt";
      readonly id: string;
      readonly at: number;
      readonly text: string;
      readonly attachments?: readonly AttachmentView[];
    }
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
      readonly kind: "agent-started" | "interrupted" | "turn-ended" | "mode" | "agent-error" | "note";
      readonly text: string;
    }
  | { readonly type: "failed"; readonly id: string; readonly at: number; readonly error: TaskError };

/** A picture in base64. Its content is not checked. */
export interface TranscriptImage {
  readonly mimeType: "image/png" | "image/jpeg" | "image/webp" | "image/gif";
  readonly data: string;
}

export interface TranscriptToolCall {
  readonly type: "tool";
  readonly id: string;
  readonly at: number;
  readonly toolCallId: string;
  readonly title: string;
  /** ACP tool kind: read, edit, delete, move, search, execute, think, fetch, switch_mode, other. */
  readonly kind: string;
  readonly status: "pending" | "in_progress" | "completed" | "failed";
  /** Input and output as text for people, truncated at 64 KiB each. */
  readonly input: string;
  readonly output: string;
  readonly diffs: readonly TranscriptFileDiff[];
  /** Pictures that the tool returned, such as screenshots. */
  readonly images: readonly TranscriptImage[];
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
