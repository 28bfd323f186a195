import type { QueueBody, QueueMessageOptions, QueueName, QueueResponse, QueueToken } from "@holdfast/client";
import type { StandardSchema } from "@holdfast/core";

/** Storage and delivery options of one queue; documented in docs/reference/queues.md. */
export interface QueuePolicy<Message = unknown> {
  /** Deliveries before a message is a dead letter; unbounded by default. */
  readonly maxAttempts?: number;
  /** Delay before the next delivery after a failed one; none by default. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number; readonly factor?: number };
  /** A completable message that was neither completed nor failed within this time is delivered again. */
  readonly visibilityTimeoutMs?: number;
  /** The queue of the same actor that receives messages whose attempts are exhausted; a dead letter by default. */
  readonly deadLetter?: string;
  /** Delay before the first delivery; can be set per send. */
  readonly delayMs?: number;
  /** Default priority of messages: 0 unless set. The highest is delivered first. */
  readonly priority?: number;
  /** A message that was not taken within this time is dropped; can be set per send. */
  readonly ttlMs?: number;
  /** Computes the deduplication key of a message if its send has none. */
  dedupeKey?(body: Message): string | undefined;
  /** How long a second message with the same `dedupeKey` is treated as a duplicate: 300,000 by default. */
  readonly dedupeWindowMs?: number;
  /** Maximum number of completable messages held by consumers: 1 by default. */
  readonly concurrency?: number;
}

// biome-ignore lint/suspicious/noExplicitAny: programs of the peer write `(c) => c.conn.params.role` here, before the actor that c belongs to has a type.
type AccessContext = any;

/** Options of `queue()`. */
export interface QueueOptions<Message = unknown, Complete = unknown, Context = AccessContext>
  extends QueuePolicy<Message> {
  /** Validates and types a message. */
  readonly message?: StandardSchema<unknown, Message>;
  /** Validates and types the argument of `complete(response)`, which a waiting sender receives. */
  readonly complete?: StandardSchema<unknown, Complete>;
  /** Decides whether the sender may publish; any other value than a boolean is an internal error. */
  readonly canPublish?: (c: Context) => boolean | Promise<boolean>;
}

/** The queues of an actor by name: tokens, Standard Schemas of the message, or options. */
export type QueueTokens = {
  readonly [name: string]: QueueToken<unknown, unknown> | StandardSchema | QueueOptions;
};

/** Declares a queue and the types of its messages and of their completion. */
export function queue<Message, Complete = never, Context = AccessContext>(
  options: QueueOptions<Message, Complete, Context> = {},
): QueueToken<Message, Complete> & QueueOptions<Message, Complete, Context> {
  return { ...options };
}

/** A received message. */
export interface QueueMessage<Name extends string = string, Body = unknown, Response = unknown> {
  /** Increases with each message of the actor. */
  readonly id: number;
  /** The queue. */
  readonly name: Name;
  readonly body: Body;
  /** When it was sent, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Present on a message that was received as completable. */
  readonly complete?: (response?: Response) => Promise<void>;
  /** Present on a message that was received as completable. */
  readonly fail?: (error?: unknown) => Promise<void>;
}

/** A message that stays in its queue until it is completed or failed. */
export interface CompletableQueueMessage<Name extends string = string, Body = unknown, Response = unknown>
  extends QueueMessage<Name, Body, Response> {
  /**
   * Deletes the message and sends the response to a waiting sender, in the open turn. Throws
   * `queue.already_completed`, `queue.invalid_completion_payload`.
   */
  readonly complete: (response?: Response) => Promise<void>;
  /** Returns the message: it is delivered again after the backoff, or becomes a dead letter. */
  readonly fail: (error?: unknown) => Promise<void>;
}

/** The type of received messages: a union over the selected names. */
export type ReceivedMessage<Queues, Name extends string, Completable extends boolean> = Name extends string
  ? Completable extends true
    ? CompletableQueueMessage<Name, QueueBody<Queues, Name>, QueueResponse<Queues, Name>>
    : QueueMessage<Name, QueueBody<Queues, Name>, QueueResponse<Queues, Name>>
  : never;

/** Options of `c.queue.tryNext`, which does not wait. */
export interface QueueTryOptions<Name extends string = string, Completable extends boolean = boolean> {
  /** The queues to receive from; all of them by default. */
  readonly names?: readonly Name[] | undefined;
  /** The message stays in its queue until `complete()`; by default, the following turn deletes it. */
  readonly completable?: Completable | undefined;
}

/** Options of `c.queue.next`. */
export interface QueueNextOptions<Name extends string = string, Completable extends boolean = boolean>
  extends QueueTryOptions<Name, Completable> {
  /** How long to wait, in milliseconds; indefinitely by default. */
  readonly timeout?: number | undefined;
  /** Ends the wait with `actor.aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `c.queue.nextBatch`. */
export interface QueueBatchOptions<Name extends string = string, Completable extends boolean = boolean>
  extends QueueNextOptions<Name, Completable> {
  /** Maximum number of messages: 1 by default. */
  readonly count?: number | undefined;
}

/**
 * `c.queue`: the durable queues of this actor, typed by the `queues` of its definition. A message received without
 * `completable` is deleted in the turn with the next changes of its consumer, or with its next receive, or when the
 * action or handler ends. Until that is durable, the message stays in the queue, so a crash causes another delivery.
 * Errors: `queue.not_defined`, `queue.previous_message_not_completed`, `actor.aborted` once the actor stops, and
 * `queue.wait_in_transaction` for an unlimited wait in a transaction of its context, after `actionTimeout`.
 */
export interface ActorQueue<Queues = unknown> {
  /**
   * Enqueues; commits with the turn. Throws `queue.full`, `queue.message_too_large`,
   * `queue.invalid_payload`.
   */
  send<Name extends QueueName<Queues>>(
    name: Name,
    body: QueueBody<Queues, Name>,
    options?: QueueMessageOptions,
  ): Promise<QueueMessage<Name, QueueBody<Queues, Name>>>;
  /** {@link send}, then waits for the completion. Throws `queue.timed_out`, `queue.wait_in_transaction`. */
  enqueueAndWait<Name extends QueueName<Queues>>(
    name: Name,
    body: QueueBody<Queues, Name>,
    options?: QueueMessageOptions & {
      readonly timeout?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<QueueResponse<Queues, Name> | undefined>;
  /** The next message; waits without limit. */
  next<const Name extends QueueName<Queues> = QueueName<Queues>, const Completable extends boolean = false>(
    options?: QueueNextOptions<Name, Completable> & { readonly timeout?: undefined },
  ): Promise<ReceivedMessage<Queues, Name, Completable>>;
  /** The next message; undefined after the timeout. */
  next<const Name extends QueueName<Queues> = QueueName<Queues>, const Completable extends boolean = false>(
    options: QueueNextOptions<Name, Completable>,
  ): Promise<ReceivedMessage<Queues, Name, Completable> | undefined>;
  /** Up to `count` messages; empty after the timeout. */
  nextBatch<
    const Name extends QueueName<Queues> = QueueName<Queues>,
    const Completable extends boolean = false,
  >(options?: QueueBatchOptions<Name, Completable>): Promise<ReceivedMessage<Queues, Name, Completable>[]>;
  /** The next message if one is available. */
  tryNext<
    const Name extends QueueName<Queues> = QueueName<Queues>,
    const Completable extends boolean = false,
  >(
    options?: QueueTryOptions<Name, Completable>,
  ): Promise<ReceivedMessage<Queues, Name, Completable> | undefined>;
  /** Up to `count` available messages. */
  tryNextBatch<
    const Name extends QueueName<Queues> = QueueName<Queues>,
    const Completable extends boolean = false,
  >(
    options?: QueueTryOptions<Name, Completable> & { readonly count?: number | undefined },
  ): Promise<ReceivedMessage<Queues, Name, Completable>[]>;
  /** The next message of these queues. Throws `queue.timed_out`. */
  waitForNames<const Name extends QueueName<Queues>, const Completable extends boolean = false>(
    names: readonly Name[],
    options?: Omit<QueueNextOptions<Name, Completable>, "names">,
  ): Promise<ReceivedMessage<Queues, Name, Completable>>;
  /** Resolves when a message is available, without taking it. Throws `queue.timed_out`. */
  waitForAvailable(
    names?: readonly QueueName<Queues>[],
    options?: { readonly timeout?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** Iterates over messages as they come; ends when the actor stops or the signal aborts. */
  iter<const Name extends QueueName<Queues> = QueueName<Queues>, const Completable extends boolean = false>(
    options?: Omit<QueueNextOptions<Name, Completable>, "timeout">,
  ): AsyncIterableIterator<ReceivedMessage<Queues, Name, Completable>>;
  /** Completes a message by its id, even if it was not received; has no effect if it no longer exists. */
  complete<Name extends QueueName<Queues>>(
    message: { readonly id: number | bigint; readonly name: Name },
    response?: QueueResponse<Queues, Name>,
  ): Promise<void>;
}
