import { HoldfastError } from "@holdfast/core";
import type { Message } from "./mailbox/mailbox.ts";

/** Whoever receives: one context. */
export interface Consumer {
  /** True when it has used what it could change since its last delivery. */
  readonly touched: boolean;
  /** How many running calls are its own. */
  readonly calls: number;
}

/** One message in the hands of one consumer. */
export interface Delivery {
  readonly message: Message;
  readonly completable: boolean;
  readonly consumer: Consumer;
  /** The consumer, or an iterator of it: its next receive ends a plain delivery. */
  readonly owner: object;
  /** The writes of user code when it was handed over; undefined before that. */
  writes: number | undefined;
  /** Completed, failed, deleted or given back. */
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
    "What is waited for comes after the transaction that is open around the wait: take what is there with tryNext, or wait outside of it";
  return new HoldfastError("queue", "wait_in_transaction", message, { statusCode: 500 });
}

export function notDefined(actor: string, name: unknown): HoldfastError {
  const message = `The actor "${actor}" has no queue "${String(name)}"`;
  return new HoldfastError("queue", "not_defined", message, { statusCode: 404, metadata: { name } });
}
