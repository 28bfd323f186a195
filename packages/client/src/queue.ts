import type { QueueToken, SchemaTypes } from "./tokens.ts";

/** The declared queue names; any string when an actor declares none. */
export type QueueName<Queues> = [keyof Queues] extends [never] ? string : keyof Queues & string;

type MessageOf<Token> =
  Token extends SchemaTypes<infer T>
    ? T
    : Token extends { readonly message: SchemaTypes<infer T> }
      ? T
      : Token extends QueueToken<infer T, infer _>
        ? T
        : unknown;

type CompleteOf<Token> =
  Token extends SchemaTypes<infer _>
    ? unknown
    : Token extends { readonly complete: SchemaTypes<infer T> }
      ? T
      : Token extends QueueToken<infer _, infer T>
        ? [T] extends [never]
          ? unknown
          : T
        : unknown;

/** The type of the messages of a queue. */
export type QueueBody<Queues, Name> = Name extends keyof Queues ? MessageOf<Queues[Name]> : unknown;

/** The type of what `complete(response)` hands to a sender who waits; unknown when none is declared. */
export type QueueResponse<Queues, Name> = Name extends keyof Queues ? CompleteOf<Queues[Name]> : unknown;

/** What one message may say of itself; the queue's own policy holds for what it leaves out. */
export interface QueueMessageOptions {
  /** Not delivered before so many milliseconds have passed. */
  readonly delayMs?: number | undefined;
  /** A message of a higher priority is delivered before those of a lower one: 0 unless given. */
  readonly priority?: number | undefined;
  /** Dropped when nobody has taken it for so many milliseconds. */
  readonly ttlMs?: number | undefined;
  /** A second message with this key within the queue's `dedupeWindowMs` is the first one. */
  readonly dedupeKey?: string | undefined;
}

/** A send that does not wait for the consumer. */
export interface QueueSendOptions extends QueueMessageOptions {
  readonly wait?: false | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Two sends with one key enqueue once. By default every send has a fresh one. */
  readonly idempotencyKey?: string | undefined;
}

/** A send that waits for what the consumer answers. */
export interface QueueWaitOptions extends QueueMessageOptions {
  /** Waits until a consumer has completed the message. */
  readonly wait: true;
  /** How long to wait, in milliseconds; for ever unless given. */
  readonly timeout?: number | undefined;
  /** Ends the wait; the message stays in the queue. */
  readonly signal?: AbortSignal | undefined;
  /** A second wait with this key gets the result of the first send, also after a crash of either side. */
  readonly idempotencyKey?: string | undefined;
}

/** How a wait ended. A message that timed out stays in its queue. */
export interface QueueSendResult<Response = unknown> {
  readonly status: "completed" | "timedOut";
  readonly response?: Response;
}

/** The method `send` of handles and connections, typed by `queues`. */
export interface SendToQueue<Queues = unknown> {
  <Name extends QueueName<Queues>>(
    name: Name,
    body: QueueBody<Queues, Name>,
    options: QueueWaitOptions,
  ): Promise<QueueSendResult<QueueResponse<Queues, Name>>>;
  <Name extends QueueName<Queues>>(
    name: Name,
    body: QueueBody<Queues, Name>,
    options?: QueueSendOptions,
  ): Promise<void>;
}
