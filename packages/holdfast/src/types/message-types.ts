/** Types of events and queues by the names, and with the parameters, that programs of the peer give. */
import type { EventTokens, QueueNextOptions, QueueTokens, QueueTryOptions } from "@holdfast/actors";
import type { EventArguments, EventPayload, EventToken, QueueBody } from "@holdfast/client";

/** The type of an event: what `event<T>()` returns. */
export type Type<T> = EventToken<T>;

/** The events of a definition by name. The context is for the eye: nothing is known of it here. */
export type EventSchemaConfig<_Context = unknown> = EventTokens;

/** The queues of a definition by name. */
export type QueueSchemaConfig<_Context = unknown> = QueueTokens;

/** What the listener of an event takes whose payload this is. */
export type InferEventArgs<Payload> = EventArguments<{ readonly event: EventToken<Payload> }, "event">;

/** The payloads of events, or the bodies of queues, by name. */
export type InferSchemaMap<Tokens> = {
  readonly [Name in keyof Tokens]: unknown extends QueueBody<Tokens, Name>
    ? EventPayload<Tokens[Name]>
    : QueueBody<Tokens, Name>;
};

/** What any message of a queue has. */
export interface QueueMessageOf<Name extends string, Body> {
  readonly id: number | bigint;
  readonly name: Name;
  readonly body: Body;
  readonly createdAt: number;
}

/** As {@link QueueNextOptions}, where the queues are named already. */
export type QueueWaitOptions<Completable extends boolean = boolean> = Omit<
  QueueNextOptions<string, Completable>,
  "names"
>;

/** How a sender waits for what the consumer answers. */
export type QueueEnqueueAndWaitOptions = Pick<QueueNextOptions, "timeout" | "signal">;

/** How `c.queue.tryNextBatch` receives. */
export interface QueueTryNextBatchOptions<Name extends string = string, Completable extends boolean = boolean>
  extends QueueTryOptions<Name, Completable> {
  /** At most so many messages: 1 unless given. */
  readonly count?: number | undefined;
}

/** How `c.queue.iter` receives. */
export type QueueIterOptions<Name extends string = string, Completable extends boolean = boolean> = Omit<
  QueueNextOptions<Name, Completable>,
  "timeout"
>;
