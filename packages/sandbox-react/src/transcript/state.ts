import type { TranscriptEntry } from "../types.ts";

/**
 * A message of a session, as both logs have it: the `SessionEvent` of a client library (`eventIndex`)
 * and that of a Holdfast server's own log (`sequence`).
 */
export interface TranscriptEvent {
  readonly id?: string;
  /** 1, 2, 3 and so on in the session. */
  readonly sequence?: number;
  readonly eventIndex?: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly sender: "client" | "agent" | "server";
  /** The JSON-RPC message. */
  readonly payload: unknown;
}

/** A question as a client library hands it to `onPermissionRequest`. */
export interface TranscriptPermissionRequest {
  /** What `respondPermission` takes. */
  readonly id: string;
  readonly createdAt: number;
  readonly options: readonly { readonly optionId: string; readonly name: string; readonly kind: string }[];
  readonly toolCall: object;
}

export interface PlanStep {
  readonly content: string;
  /** `pending`, `in_progress`, `completed`, or a word of the agent. */
  readonly status: string;
}

/** What a session's log says to a person. Values; none is ever changed. */
export interface Transcript {
  readonly entries: readonly TranscriptEntry[];
  /** The newest `sequence` or `eventIndex` that was taken in; events at or below it are ignored. */
  readonly head: number;
  /** True from a prompt to the end of its turn. */
  readonly running: boolean;
  /** The agent's newest plan; it replaces itself as a whole. */
  readonly plan: readonly PlanStep[];
  readonly title?: string;
  /** The mode that the agent told last. */
  readonly modeId?: string;
  /** How full the agent's context window is, in tokens. */
  readonly context?: { readonly used: number; readonly size: number };
  /** What the reducer needs to go on; not for display. */
  readonly memory: TranscriptMemory;
}

export interface TranscriptMemory {
  /** Keys of the prompts that have no answer yet. */
  readonly prompts: readonly string[];
  /** The server's id of the prompt that was given to the agent last. */
  readonly runningId?: string;
  /** The key of a `session/load` without an answer: what the agent repeats meanwhile is known. */
  readonly loading?: string;
  /** Entries before this index belong to an agent process that is gone: tool call ids may begin anew. */
  readonly barrier: number;
  /** The next message or thought begins an entry of its own. */
  readonly broken: boolean;
  /** The agent's id of the message that is being written. */
  readonly messageId?: string;
  /** Where this turn's plan stands. */
  readonly planIndex?: number;
  readonly tools: readonly OpenTool[];
  readonly asks: readonly OpenAsk[];
  /** Questions that have an answer and no address: that may be told behind the answer. */
  readonly settled: readonly OpenAsk[];
  /** An error of the agent's end was shown: the answers that follow it say nothing new. */
  readonly exitShown: boolean;
  /** For events without a number. */
  readonly counted: number;
}

/** A tool call that may still change. */
export interface OpenTool {
  readonly toolCallId: string;
  readonly index: number;
}

/** A question that waits for its answer, or for its address. */
export interface OpenAsk {
  readonly index: number;
  readonly toolCallId?: string;
  /** The id of the JSON-RPC request, where it was seen. */
  readonly rpcId?: string;
  /** The id that answers are addressed to is known. */
  readonly addressed: boolean;
}

const empty: Transcript = {
  entries: [],
  head: 0,
  running: false,
  plan: [],
  memory: {
    prompts: [],
    barrier: 0,
    broken: true,
    tools: [],
    asks: [],
    settled: [],
    exitShown: false,
    counted: 0,
  },
};

/** A transcript in which nothing was said yet. */
export function createTranscript(): Transcript {
  return empty;
}
