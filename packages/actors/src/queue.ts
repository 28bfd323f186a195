import type { QueueToken } from "@holdfast/client";
import type { StandardSchema } from "@holdfast/core";

/** How the messages of one queue are kept and tried; documented in docs/reference/queues.md. */
export interface QueuePolicy {
  /** Deliveries before a message is a dead letter; unbounded unless given. */
  readonly maxAttempts?: number;
  /** Delay before the next delivery after a failed one. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number; readonly factor?: number };
  /** A completable message that was neither completed nor failed for so long is delivered again. */
  readonly visibilityTimeoutMs?: number;
  /** The queue of the same actor that takes what has failed for good; "dead" rows unless given. */
  readonly deadLetter?: string;
  /** A message is not delivered before this has passed; per send as well. */
  readonly delayMs?: number;
  /** A message that nobody has taken for so long is dropped. */
  readonly ttlMs?: number;
  /** How many messages may be out at once with consumers: 1 unless given. */
  readonly concurrency?: number;
}

// biome-ignore lint/suspicious/noExplicitAny: programs of the peer write `(c) => c.conn.params.role` here, before the actor that c belongs to has a type.
type AccessContext = any;

export interface QueueOptions<Message = unknown, Complete = unknown, Context = AccessContext>
  extends QueuePolicy {
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
