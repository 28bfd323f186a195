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
  /** The queue of the same actor that takes what has failed for good; a dead letter by default. */
  readonly deadLetter?: string;
  /** A message is not delivered before this has passed; per send as well. */
  readonly delayMs?: number;
  /** Of messages that do not say it themselves: 0 by default. The highest is delivered first. */
  readonly priority?: number;
  /** A message that nobody has taken within this time is dropped; also per send. */
  readonly ttlMs?: number;
  /** Computes the deduplication key of a message if its send has none. */
  dedupeKey?(body: Message): string | undefined;
  /** How long a second message with the same `dedupeKey` counts as the first: 300,000 by default. */
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
  /** Validates and types what `complete(response)` hands to a waiting sender. */
  readonly complete?: StandardSchema<unknown, Complete>;
  /** Whether the sender may: anything but a boolean is an internal error. */
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
  /** Grows with each message of the actor. */
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
   * Deletes the message and answers a waiting sender, in the open turn. Throws `queue.already_completed`,
   * `queue.invalid_completion_payload`.
   */
  readonly complete: (response?: Response) => Promise<void>;
  /** Returns the message: it is delivered again after the backoff, or becomes a dead letter. */
  readonly fail: (error?: unknown) => Promise<void>;
}

/** The type of received messages: one for each of the selected names. */
export type ReceivedMessage<Queues, Name extends string, Completable extends boolean> = Name extends string
  ? Completable extends true
    ? CompletableQueueMessage<Name, QueueBody<Queues, Name>, QueueResponse<Queues, Name>>
    : QueueMessage<Name, QueueBody<Queues, Name>, QueueResponse<Queues, Name>>
  : never;

/** Options of `c.queue.tryNext`: what is there, without a wait. */
export interface QueueTryOptions<Name extends string = string, Completable extends boolean = boolean> {
  /** The queues to receive from; all of them by default. */
  readonly names?: readonly Name[] | undefined;
  /** The message stays in its queue until `complete()`; deleted with the turn that follows by default. */
  readonly completable?: Completable | undefined;
}

/** Options of `c.queue.next`. */
export interface QueueNextOptions<Name extends string = string, Completable extends boolean = boolean>
  extends QueueTryOptions<Name, Completable> {
  /** How long to wait, in milliseconds; until a message is there by default. */
  readonly timeout?: number | undefined;
  /** Ends the wait with `actor.aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `c.queue.nextBatch`. */
export interface QueueBatchOptions<Name extends string = string, Completable extends boolean = boolean>
  extends QueueNextOptions<Name, Completable> {
  /** At most so many messages: 1 by default. */
  readonly count?: number | undefined;
}

/**
 * `c.queue`: the durable queues of this actor, typed by the `queues` of its definition.
 *
 * A message that was received without `completable` is deleted in the turn that holds the next changes of
 * its consumer, else with the consumer's next receive, else when the action or handler ends: until that is
 * durable it is in the queue, so that a crash means another delivery. Errors: `queue.not_defined`,
 * `queue.previous_message_not_completed`, `actor.aborted` once the actor stops, and in a transaction of its
 * context, after `actionTimeout`, `queue.wait_in_transaction` for a wait without an end.
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
  /** The next message, whenever it comes. */
  next<const Name extends QueueName<Queues> = QueueName<Queues>, const Completable extends boolean = false>(
    options?: QueueNextOptions<Name, Completable> & { readonly timeout?: undefined },
  ): Promise<ReceivedMessage<Queues, Name, Completable>>;
  /** The next message; undefined when the timeout has passed. */
  next<const Name extends QueueName<Queues> = QueueName<Queues>, const Completable extends boolean = false>(
    options: QueueNextOptions<Name, Completable>,
  ): Promise<ReceivedMessage<Queues, Name, Completable> | undefined>;
  /** Up to `count` messages; none when the timeout has passed. */
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
  /** Completes a message by its id, even if nobody has received it; has no effect if it is gone. */
  complete<Name extends QueueName<Queues>>(
    message: { readonly id: number | bigint; readonly name: Name },
    response?: QueueResponse<Queues, Name>,
  ): Promise<void>;
}
