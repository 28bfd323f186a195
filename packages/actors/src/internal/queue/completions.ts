import { encodeValue, type HoldfastError, validate } from "@holdfast/core";
import type { CancelSignal } from "../../cancellation.ts";
import { alreadyCompleted } from "./delivery.ts";
import type { QueueDependencies } from "./dependencies.ts";
import type { Mailbox } from "./mailbox/mailbox.ts";
import type { Message } from "./mailbox/message.ts";
import type { Policy } from "./policy.ts";

interface Waiter {
  resolve(result: Uint8Array): void;
  reject(error: unknown): void;
}

/** Senders in memory that wait for the completion of a message. */
export class Completions {
  readonly #actor: QueueDependencies;
  readonly #mailbox: Mailbox;
  readonly #waiting = new Map<number, Set<Waiter>>();
  /** Results of the open turn for waiting senders, by their keys. */
  readonly #results = new Map<string, Uint8Array>();

  constructor(actor: QueueDependencies, mailbox: Mailbox) {
    this.#actor = actor;
    this.#mailbox = mailbox;
  }

  /**
   * Resolves with the CBOR of `{ status: "completed", response? }`, or undefined after the timeout, also for a message
   * that no longer exists. Rejects with `reason()` when the signal aborts.
   */
  wait(
    id: number,
    timeoutMs: number | undefined,
    signal: CancelSignal | undefined,
    reason: () => HoldfastError,
    leaving?: (leave: (error: unknown) => void) => void,
  ): Promise<Uint8Array | undefined> {
    const { tasks } = this.#actor.ports;
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(id) ?? new Set<Waiter>();
      this.#waiting.set(id, waiters);
      const end = (settle: () => void): void => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiting.delete(id);
        timer?.cancel();
        signal?.removeEventListener("abort", abort);
        settle();
      };
      const abort = (): void => end(() => reject(reason()));
      const waiter: Waiter = {
        resolve: (result) => end(() => resolve(result)),
        reject: (error) => end(() => reject(error)),
      };
      const timer =
        timeoutMs === undefined ? undefined : tasks.after(timeoutMs, () => end(() => resolve(undefined)));
      waiters.add(waiter);
      leaving?.(waiter.reject);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /**
   * Deletes the message and records the result for waiting senders, in the open turn; then calls `done`. Returns a
   * promise only if the schema is asynchronous.
   */
  complete(policy: Policy, message: Message, response: unknown, done: () => void): void | Promise<void> {
    if (policy.complete === undefined || response === undefined) return this.#record(message, response, done);
    const what = `The completion of a message of the queue "${policy.name}"`;
    const refusal = { group: "queue", code: "invalid_completion_payload", what };
    const valid = validate(policy.complete, response, refusal);
    if (!(valid instanceof Promise)) return this.#record(message, valid, done);
    return valid.then((value) => {
      if (message.state === "removed") throw alreadyCompleted();
      this.#record(message, value, done);
    });
  }

  #record(message: Message, response: unknown, done: () => void): void {
    const { queue } = this.#actor;
    const value = this.#actor.state.unwrap(response);
    const result = encodeValue(
      value === undefined ? { status: "completed" } : { status: "completed", response: value },
    );
    this.#mailbox.remove(message);
    done();
    for (const key of message.waiters) this.#results.set(key, result);
    if (message.waiters.length > 0) this.#actor.turn.changed();
    const waiters = this.#waiting.get(message.id);
    if (waiters === undefined) return;
    queue.after({
      undoable: true,
      release: () => {
        for (const waiter of [...waiters]) waiter.resolve(result);
      },
      // Rolled back: the senders keep waiting. A failed commit ends the instance, and with it the wait.
      drop: () => {},
    });
  }

  /** The result under a key that the open turn will record. */
  recorded(key: string): Uint8Array | undefined {
    return this.#results.get(key);
  }

  /** Called when the turn closes: records the results under the keys of the senders. */
  flush(): void {
    for (const [key, bytes] of this.#results)
      this.#actor.ledger.recordOutcome(key, { type: "result", bytes });
    this.#results.clear();
  }

  /** Called when a transaction is rolled back, with its completions. */
  rollback(): void {
    this.#results.clear();
  }

  rejectAll(error: unknown): void {
    for (const waiters of [...this.#waiting.values()])
      for (const waiter of [...waiters]) waiter.reject(error);
  }
}
