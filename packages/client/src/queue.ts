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

/** Type of the messages of a queue. */
export type QueueBody<Queues, Name> = Name extends keyof Queues ? MessageOf<Queues[Name]> : unknown;

/** Type of the value that `complete(response)` sends to a waiting sender; unknown when none is declared. */
export type QueueResponse<Queues, Name> = Name extends keyof Queues ? CompleteOf<Queues[Name]> : unknown;

/** Delivery options of one message. They override the queue's own policy. */
export interface QueueMessageOptions {
  /** Delay before delivery, in milliseconds. */
  readonly delayMs?: number | undefined;
  /** Messages of higher priority are delivered first. Default: 0. */
  readonly priority?: number | undefined;
  /** Drops the message when no consumer takes it within this many milliseconds. */
  readonly ttlMs?: number | undefined;
  /** Messages with the same key within the queue's `dedupeWindowMs` are enqueued once. */
  readonly dedupeKey?: string | undefined;
}

/** A send that does not wait for the consumer. */
export interface QueueSendOptions extends QueueMessageOptions {
  readonly wait?: false | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Sends with the same key enqueue once. Default: a fresh key for every send. */
  readonly idempotencyKey?: string | undefined;
}

/** A send that waits for the consumer's response. */
export interface QueueWaitOptions extends QueueMessageOptions {
  /** Waits until a consumer has completed the message. */
  readonly wait: true;
  /** Time to wait, in milliseconds. Default: no limit. */
  readonly timeout?: number | undefined;
  /** Ends the wait; the message stays in the queue. */
  readonly signal?: AbortSignal | undefined;
  /** A second wait with this key gets the result of the first, even after a crash of either side. */
  readonly idempotencyKey?: string | undefined;
}

/** Outcome of a wait. A message whose wait timed out stays in its queue. */
export interface QueueSendResult<Response = unknown> {
  readonly status: "completed" | "timedOut";
  readonly response?: Response;
}

/** Method `send` of handles and connections, typed by `queues`. */
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
