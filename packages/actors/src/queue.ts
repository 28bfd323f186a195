import type { QueueBody, QueueMessageOptions, QueueName, QueueResponse, QueueToken } from "@holdfast/client";
import type { StandardSchema } from "@holdfast/core";

/** How the messages of one queue are kept and tried; documented in docs/reference/queues.md. */
export interface QueuePolicy<Message = unknown> {
  /** Deliveries before a message is a dead letter; unbounded unless given. */
  readonly maxAttempts?: number;
  /** Delay before the next delivery after a failed one; none unless given. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number; readonly factor?: number };
  /** A completable message that was neither completed nor failed for so long is delivered again. */
  readonly visibilityTimeoutMs?: number;
  /** The queue of the same actor that takes what has failed for good; a dead letter unless given. */
  readonly deadLetter?: string;
  /** A message is not delivered before this has passed; per send as well. */
  readonly delayMs?: number;
  /** Of messages that do not say it themselves: 0 unless given. The highest is delivered first. */
  readonly priority?: number;
  /** A message that nobody has taken for so long is dropped; per send as well. */
  readonly ttlMs?: number;
  /** Says for a message what makes it the same as another: used where a send gives no `dedupeKey`. */
  dedupeKey?(body: Message): string | undefined;
  /** For so long a second message with one `dedupeKey` is the first one: 300,000 unless given. */
  readonly dedupeWindowMs?: number;
  /** How many completable messages may be out at once: 1 unless given. */
  readonly concurrency?: number;
}

// biome-ignore lint/suspicious/noExplicitAny: programs of the peer write `(c) => c.conn.params.role` here, before the actor that c belongs to has a type.
type AccessContext = any;

/** What `queue()` takes. */
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

/** A message as a consumer gets it. */
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
   * Deletes the message and answers a sender who waits, in the turn that is open. Throws
   * `queue.already_completed`, `queue.invalid_completion_payload`.
   */
  readonly complete: (response?: Response) => Promise<void>;
  /** Gives the message back: it is delivered again after the backoff, or is a dead letter. */
  readonly fail: (error?: unknown) => Promise<void>;
}

/** What a receive gives: one type for each of the names it selects. */
export type ReceivedMessage<Queues, Name extends string, Completable extends boolean> = Name extends string
  ? Completable extends true
    ? CompletableQueueMessage<Name, QueueBody<Queues, Name>, QueueResponse<Queues, Name>>
    : QueueMessage<Name, QueueBody<Queues, Name>, QueueResponse<Queues, Name>>
  : never;

/** How `c.queue.tryNext` receives: what is there, without a wait. */
export interface QueueTryOptions<Name extends string = string, Completable extends boolean = boolean> {
  /** The queues to receive from; all of them unless given. */
  readonly names?: readonly Name[] | undefined;
  /** The message stays in its queue until `complete()`; deleted with the turn that follows unless given. */
  readonly completable?: Completable | undefined;
}

/** How `c.queue.next` receives. */
export interface QueueNextOptions<Name extends string = string, Completable extends boolean = boolean>
  extends QueueTryOptions<Name, Completable> {
  /** How long to wait, in milliseconds; until a message is there unless given. */
  readonly timeout?: number | undefined;
  /** Ends the wait with `actor.aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** How `c.queue.nextBatch` receives. */
export interface QueueBatchOptions<Name extends string = string, Completable extends boolean = boolean>
  extends QueueNextOptions<Name, Completable> {
  /** At most so many messages: 1 unless given. */
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
  /** The next message if one is there. */
  tryNext<
    const Name extends QueueName<Queues> = QueueName<Queues>,
    const Completable extends boolean = false,
  >(
    options?: QueueTryOptions<Name, Completable>,
  ): Promise<ReceivedMessage<Queues, Name, Completable> | undefined>;
  /** Up to `count` messages of those that are there. */
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
  /** Resolves when a message is there, and takes none. Throws `queue.timed_out`. */
  waitForAvailable(
    names?: readonly QueueName<Queues>[],
    options?: { readonly timeout?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** Each message as it comes; ends when the actor stops or the signal aborts. */
  iter<const Name extends QueueName<Queues> = QueueName<Queues>, const Completable extends boolean = false>(
    options?: Omit<QueueNextOptions<Name, Completable>, "timeout">,
  ): AsyncIterableIterator<ReceivedMessage<Queues, Name, Completable>>;
  /** Completes a message by its id, also one that nobody has received; nothing happens where it is gone. */
  complete<Name extends QueueName<Queues>>(
    message: { readonly id: number | bigint; readonly name: Name },
    response?: QueueResponse<Queues, Name>,
  ): Promise<void>;
}
