import type { ActorContext, DatabaseProvider, RawAccess } from "@holdfast/actors";
import { event } from "@holdfast/actors";
import type { UIMessage } from "ai";

/** `interrupted`: the process ended in the middle; what was said until then is kept. */
export type TurnStatus = "queued" | "running" | "completed" | "failed" | "stopped" | "interrupted";

/** One answer of the model, or one continuation of it behind a question. Times are milliseconds since the epoch. */
export interface ChatTurn {
  readonly id: string;
  readonly status: TurnStatus;
  /** The message that it writes. */
  readonly messageId: string;
  /** The message of the user that it answers. */
  readonly userMessageId: string;
  /** Position in the stream of that message at which it begins. */
  readonly firstChunk: number;
  /** Of a failed turn. */
  readonly error?: string;
  readonly createdAt: number;
  readonly settledAt?: number;
}

/** What a chat keeps in its state; its messages are in the database. */
export interface ChatState {
  /** The running turn, or the last one. */
  turn: ChatTurn | undefined;
}

/** Events of a chat. */
export const chatEvents = {
  /** A message of the user was accepted, or one of the model has changed or is complete. */
  message: event<UIMessage>(),
  /** A turn was queued, has begun or has ended. */
  turn: event<ChatTurn>(),
  /** Messages from this one on were removed: they are edited, or made again. */
  removed: event<{ readonly messageId: string }>(),
};

/** The events of a chat, by their names. */
export type ChatEvents = typeof chatEvents;

export type ChatContext = ActorContext<
  ChatState,
  unknown,
  unknown,
  unknown,
  unknown,
  DatabaseProvider<RawAccess>,
  ChatEvents
>;

/** What an answer may use of its actor. */
export type AnswerContext = Pick<
  ChatContext,
  "actorId" | "blob" | "client" | "db" | "fetch" | "key" | "kv" | "log" | "name" | "schedule" | "transaction"
>;

/** The result of a turn, for a caller that waits for it. */
export interface ChatResult {
  readonly turn: ChatTurn;
  readonly text: string;
  /** Undefined if nothing was said. */
  readonly message: UIMessage | undefined;
}

/** A call that waits for an answer of a person. */
export interface PendingApproval {
  readonly id: string;
  readonly messageId: string;
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: unknown;
}
