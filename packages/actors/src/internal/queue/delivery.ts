import { HoldfastError } from "@holdfast/core";
import type { Message } from "./mailbox/message.ts";

/** The consumer of messages: one context. */
export interface Consumer {
  /** True if it has used something that it can change since its last delivery. */
  readonly touched: boolean;
  /** Number of its own running calls. */
  readonly calls: number;
}

/** One message held by one consumer. */
export interface Delivery {
  readonly message: Message;
  readonly completable: boolean;
  readonly consumer: Consumer;
  /** The consumer, or one of its iterators, whose next receive ends a plain delivery. */
  readonly owner: object;
  /** The count of user writes when it was delivered; undefined before. */
  writes: number | undefined;
  /** True once it was completed, failed, deleted or returned. */
  ended: boolean;
}

export function alreadyCompleted(): HoldfastError {
  return new HoldfastError("queue", "already_completed", "Queue message was already completed.");
}

export function notThisMessage({ id, queue }: Message, name: string): HoldfastError {
  const message = `Queue message ${id} is named '${queue}', not '${name}'.`;
  return new HoldfastError("queue", "message_identity_mismatch", message, {
    metadata: { message_id: id, actual_name: queue, expected_name: name },
  });
}

export function previousNotCompleted(): HoldfastError {
  return new HoldfastError(
    "queue",
    "previous_message_not_completed",
    "Previous completable queue message is not completed. Call `message.complete(...)` before receiving the next message.",
  );
}

export function aborted(): HoldfastError {
  return new HoldfastError("actor", "aborted", "Actor aborted");
}

export function waitTimedOut(timeoutMs: number): HoldfastError {
  return new HoldfastError("queue", "timed_out", `Queue wait timed out after ${timeoutMs} ms.`, {
    metadata: { timeout_ms: timeoutMs },
  });
}

export function waitInTransaction(): HoldfastError {
  const message =
    "The message would come after the transaction that this wait is in. Take available messages with tryNext, or wait outside of the transaction";
  return new HoldfastError("queue", "wait_in_transaction", message, { statusCode: 500 });
}

export function notDefined(actor: string, name: unknown): HoldfastError {
  const message = `The actor "${actor}" has no queue "${String(name)}"`;
  return new HoldfastError("queue", "not_defined", message, { statusCode: 404, metadata: { name } });
}
