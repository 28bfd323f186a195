import type { TranscriptEntry } from "../types.ts";

/**
 * An event of a session log, in either form: the `SessionEvent` of a client library (`eventIndex`), and that of a
 * Holdfast server's own log (`sequence`).
 */
export interface TranscriptEvent {
  readonly id?: string;
  /** Numbered from 1 within the session. */
  readonly sequence?: number;
  readonly eventIndex?: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly sender: "client" | "agent" | "server";
  /** The JSON-RPC message. */
  readonly payload: unknown;
}

/** A question, as a client library passes it to `onPermissionRequest`. */
export interface TranscriptPermissionRequest {
  /** The argument of `respondPermission`. */
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

/** A session's log, reduced for display. Immutable. */
export interface Transcript {
  readonly entries: readonly TranscriptEntry[];
  /** The newest processed `sequence` or `eventIndex`; events up to it are ignored. */
  readonly head: number;
  /** True from a prompt to the end of its turn. */
  readonly running: boolean;
  /** The agent's latest plan; each update replaces it. */
  readonly plan: readonly PlanStep[];
  readonly title?: string;
  /** The mode that the agent reported last. */
  readonly modeId?: string;
  /** Usage of the agent's context window, in tokens. */
  readonly context?: { readonly used: number; readonly size: number };
  /** Internal state of the reducer; not for display. */
  readonly memory: TranscriptMemory;
}

export interface TranscriptMemory {
  /** Keys of the prompts without a response. */
  readonly prompts: readonly string[];
  /** The server's id of the prompt that was sent to the agent last. */
  readonly runningId?: string;
  /** The key of a pending `session/load`, during which the agent repeats known events. */
  readonly loading?: string;
  /** Entries before this index belong to an earlier agent process, whose tool call ids may repeat. */
  readonly processStart: number;
  /** The next message or thought starts a new entry. */
  readonly isMessageComplete: boolean;
  /** The agent's id of the current message. */
  readonly messageId?: string;
  /** Index of this turn's plan. */
  readonly planIndex?: number;
  readonly tools: readonly OpenTool[];
  readonly openQuestions: readonly OpenQuestion[];
  /** Answered questions without the server's id, which may arrive after the answer. */
  readonly settledQuestions: readonly OpenQuestion[];
  /** True if the agent's exit was shown: the error responses that follow it add nothing. */
  readonly exitShown: boolean;
  /** Counter for events without a number. */
  readonly unnumberedEvents: number;
}

/** A tool call that may still change. */
export interface OpenTool {
  readonly toolCallId: string;
  readonly index: number;
}

/** A question that waits for its answer, or for the server's id. */
export interface OpenQuestion {
  readonly index: number;
  readonly toolCallId?: string;
  /** The id of the JSON-RPC request, if it was seen. */
  readonly rpcId?: string;
  /** True if the server's id, with which it is answered, is known. */
  readonly hasPermissionId: boolean;
}

const empty: Transcript = {
  entries: [],
  head: 0,
  running: false,
  plan: [],
  memory: {
    prompts: [],
    processStart: 0,
    isMessageComplete: true,
    tools: [],
    openQuestions: [],
    settledQuestions: [],
    exitShown: false,
    unnumberedEvents: 0,
  },
};

/** An empty transcript. */
export function createTranscript(): Transcript {
  return empty;
}
