/** Types of events and queues under the names, and with the type parameters, that programs written for the peer use. */
import type { EventTokens, QueueNextOptions, QueueTokens, QueueTryOptions } from "@holdfast/actors";
import type { EventArguments, EventPayload, EventToken, QueueBody } from "@holdfast/client";

/** The type of an event: what `event<T>()` returns. */
export type Type<T> = EventToken<T>;

/** The events of a definition by name. The context parameter has no effect. */
export type EventSchemaConfig<_Context = unknown> = EventTokens;

/** The queues of a definition by name. */
export type QueueSchemaConfig<_Context = unknown> = QueueTokens;

/** The arguments of the listener of an event with this payload. */
export type InferEventArgs<Payload> = EventArguments<{ readonly event: EventToken<Payload> }, "event">;

/** The payloads of events, or the bodies of queues, by name. */
export type InferSchemaMap<Tokens> = {
  readonly [Name in keyof Tokens]: unknown extends QueueBody<Tokens, Name>
    ? EventPayload<Tokens[Name]>
    : QueueBody<Tokens, Name>;
};

/** The fields of every message of a queue. */
export interface QueueMessageOf<Name extends string, Body> {
  readonly id: number | bigint;
  readonly name: Name;
  readonly body: Body;
  readonly createdAt: number;
}

/** As {@link QueueNextOptions}, without the names of the queues. */
export type QueueWaitOptions<Completable extends boolean = boolean> = Omit<
  QueueNextOptions<string, Completable>,
  "names"
>;

/** Options for a sender that waits for the consumer's response. */
export type QueueEnqueueAndWaitOptions = Pick<QueueNextOptions, "timeout" | "signal">;

/** Options of `c.queue.tryNextBatch`. */
export interface QueueTryNextBatchOptions<Name extends string = string, Completable extends boolean = boolean>
  extends QueueTryOptions<Name, Completable> {
  /** The maximum number of messages: 1 by default. */
  readonly count?: number | undefined;
}

/** Options of `c.queue.iter`. */
export type QueueIterOptions<Name extends string = string, Completable extends boolean = boolean> = Omit<
  QueueNextOptions<Name, Completable>,
  "timeout"
>;
