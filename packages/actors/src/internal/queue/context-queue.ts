import { decodeValue, HoldfastError, isErrorCode, trackRejection } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { QueueBatchOptions, QueueMessage, QueueNextOptions, QueueTryOptions } from "../../queue.ts";
import { outsideTransaction } from "../turn/outside-transaction.ts";
import {
  aborted,
  type Consumer,
  type Delivery,
  notThisMessage,
  previousNotCompleted,
  waitInTransaction,
  waitTimedOut,
} from "./delivery.ts";
import type { Message } from "./mailbox/message.ts";
import type { Receiver } from "./mailbox/receivers.ts";
import { invalidOptions } from "./policy.ts";
import type { Queues } from "./queues.ts";

interface WaitOptions {
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** For a receive that does not wait, and so cannot be aborted. */
const noWait = { timeout: 0, signal: undefined } as const;

/** Nesting that this process's own encoder allows. */
const decodeOptions = { maxDepth: 1_010 };

/** `c.queue` of one context, which owns the messages that it has received and not completed. */
export class ContextQueue implements Consumer {
  // Private, as in contexts: logging `c.queue` reveals nothing of the actor.
  #touched = false;
  readonly #calls: number;
  readonly #queues: Queues;
  readonly #owner: object;
  readonly #open = new Set<Delivery>();

  constructor(queues: Queues, calls: number, owner: object) {
    this.#queues = queues;
    this.#calls = calls;
    this.#owner = owner;
  }

  /**
   * A wait without timeout inside the context's own transaction could only end after that transaction: a deadlock that
   * blocks everyone. Rejects it if the transaction is still open after `actionTimeout`, unless the returned function
   * is called first.
   */
  #boundInTransaction(end: (error: unknown) => void): () => void {
    const { actor } = this.#queues;
    const around = actor.inTransaction ? actor.transactions.openOf(this.#owner) : undefined;
    if (around === undefined) return () => {};
    const timer = actor.ports.tasks.after(actor.definition.options.actionTimeout, () => {
      if (actor.transactions.openOf(this.#owner) === around) end(waitInTransaction());
    });
    return () => timer.cancel();
  }

  get touched(): boolean {
    return this.#touched;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Called when the context has used something that it can change. */
  touch(): void {
    this.#touched = true;
  }

  /** Called when user code of this context, on the stack, is about to change something. */
  changes(): void {
    this.#touched = true;
    this.#queues.actor.turn.userWrites++;
  }

  send(name: string, body: unknown, options?: unknown): Promise<QueueMessage> {
    return this.#reported(this.#send(name, body, options));
  }

  enqueueAndWait(name: string, body: unknown, options?: WaitOptions | null): Promise<unknown> {
    return this.#reported(this.#enqueueAndWait(name, body, options));
  }

  /** Logs the failure of a call that is not awaited, unless the actor has stopped. */
  #reported<T>(work: Promise<T>): Promise<T> {
    const { errors, ports } = this.#queues.actor;
    return trackRejection(work, ports.tasks, (error) => {
      const stopped = isErrorCode(error, "actor", "aborted") || isErrorCode(error, "actor", "stopping");
      if (!stopped) errors.report(error);
    });
  }

  async #send(name: string, body: unknown, options: unknown): Promise<QueueMessage> {
    const queues = this.#queues;
    const policy = queues.own(name);
    const checked = queues.validated(policy, body);
    // Synchronous up to the encoding: later changes of the body are not sent.
    const valid = checked instanceof Promise ? await checked : checked;
    this.#touched = true;
    const { id, message } = queues.enqueue(policy, valid, options);
    queues.actor.turn.userWrote();
    const createdAt = message?.createdAt ?? queues.actor.ports.clock.now();
    return { id, name, body: valid, createdAt, attempt: 0 };
  }

  async #enqueueAndWait(
    name: string,
    body: unknown,
    given: WaitOptions | null | undefined,
  ): Promise<unknown> {
    const options = given ?? {};
    const queues = this.#queues;
    const policy = queues.own(name);
    const timeoutMs = timeoutOf(options.timeout);
    const signal = this.#untilStop(options.signal);
    if (signal?.aborted === true) throw aborted();
    const checked = queues.validated(policy, body);
    const valid = checked instanceof Promise ? await checked : checked;
    this.#touched = true;
    const { id } = queues.enqueue(policy, valid, options);
    queues.actor.turn.userWrote();
    let unbound = (): void => {};
    const bytes = await outsideTransaction(queues.actor, this.#owner, () =>
      queues.completions
        .wait(id, timeoutMs, signal, aborted, (leave) => {
          unbound = this.#boundInTransaction(leave);
        })
        .finally(() => unbound()),
    );
    if (bytes === undefined) throw waitTimedOut(timeoutMs ?? 0);
    const outcome = decodeValue(bytes, decodeOptions) as { readonly response?: unknown };
    return outcome.response;
  }

  /** A hook or the `run` handler would delay the stop of its actor; a stop waits for actions in any case. */
  #untilStop(signal: AbortSignal | null | undefined): AbortSignal | undefined {
    if (this.#calls > 0) return signal ?? undefined;
    const { abortSignal } = this.#queues.actor.context;
    return signal === undefined || signal === null ? abortSignal : AbortSignal.any([signal, abortSignal]);
  }

  async next(options: QueueNextOptions = {}): Promise<QueueMessage | undefined> {
    const [message] = await this.#receive({ ...options, count: 1 }, this);
    return message;
  }

  nextBatch(options?: QueueBatchOptions | null): Promise<QueueMessage[]> {
    return this.#receive(options ?? {}, this);
  }

  async tryNext(options: QueueTryOptions = {}): Promise<QueueMessage | undefined> {
    const [message] = await this.#receive({ ...options, count: 1, ...noWait }, this);
    return message;
  }

  tryNextBatch(options: Omit<QueueBatchOptions, "timeout"> = {}): Promise<QueueMessage[]> {
    return this.#receive({ ...options, ...noWait }, this);
  }

  async waitForNames(names: readonly string[], options?: QueueNextOptions | null): Promise<QueueMessage> {
    const [message] = await this.#receive({ ...options, names, count: 1 }, this, true);
    if (message === undefined) throw waitTimedOut(options?.timeout ?? 0);
    return message;
  }

  async waitForAvailable(names?: readonly string[] | null, options?: WaitOptions | null): Promise<void> {
    const policies = this.#queues.select(names);
    const receive = { policies, count: 1, completable: false, peeks: true };
    const found = await this.#takeOrWait(receive, timeoutOf(options?.timeout), options?.signal);
    if (found === undefined) throw waitTimedOut(options?.timeout ?? 0);
  }

  async *iter(
    options: Omit<QueueNextOptions, "timeout"> = {},
  ): AsyncGenerator<QueueMessage, void, undefined> {
    // Iterators of one context do not end each other's deliveries.
    const owner = {};
    try {
      for (;;) {
        const [message] = await this.#receive({ ...options, count: 1 }, owner);
        if (message !== undefined) yield message;
      }
    } catch (error) {
      if (!(error instanceof HoldfastError && error.group === "actor" && error.code === "aborted"))
        throw error;
    }
  }

  async complete(
    message: { readonly id: number | bigint; readonly name: string },
    response?: unknown,
  ): Promise<void> {
    this.#queues.own(message.name);
    const id = Number(message.id);
    if (!Number.isSafeInteger(id)) throw invalidOptions('"id" is not the id of a message');
    const stored = this.#queues.mailbox.find(id);
    if (stored !== undefined && stored.queue !== message.name) throw notThisMessage(stored, message.name);
    // A caller with only the id cannot know whether it is completed: repeating has no effect.
    if (stored === undefined || stored.state === "taken") return;
    this.#touched = true;
    await this.#queues.completeById(id, message.name, response);
    this.#queues.actor.turn.userWrote();
  }

  /** Called when the action or handler of this context has ended: settles or returns the messages it still holds. */
  end(succeeded: boolean): void {
    const { actor } = this.#queues;
    if (actor.phase.sealed || this.#open.size === 0) return;
    for (const delivery of [...this.#open]) {
      if (!delivery.completable && succeeded) this.#queues.settle(delivery);
      // What a stop has interrupted is delivered again at the next start, and has not failed.
      else if (actor.phase.status === "ready")
        this.#queues.redeliver(delivery, "its consumer ended before it was done");
    }
    this.#open.clear();
  }

  /** Releases received messages: plain ones are deleted, completable ones stay out until `completeById`. */
  detach(): void {
    for (const delivery of this.#open) if (!delivery.completable) this.#queues.settle(delivery);
    this.#open.clear();
  }

  /** `beside` allows it next to an uncompleted message, where other receives are refused. */
  async #receive(options: QueueBatchOptions, owner: object, beside = false): Promise<QueueMessage[]> {
    const queues = this.#queues;
    // Code that resumes after the actor has stopped receives nothing: an iterator ends.
    if (queues.actor.phase.sealed) throw aborted();
    const completable = options.completable === true;
    const policies = queues.select(options.names);
    const timeoutMs = timeoutOf(options.timeout);
    const count = countOf(options.count);
    this.#endPrevious(owner, beside);
    const receive = { policies, count, completable, peeks: false };
    const messages = (await this.#takeOrWait(receive, timeoutMs, options.signal)) ?? [];
    const deliveries = messages.map((message) => this.#deliver(message, completable, owner));
    // A limit of attempts needs each attempt to be durable before the consumer can fail at it.
    const counted = policies.some((policy) => policy.maxAttempts !== Number.POSITIVE_INFINITY);
    if (counted && deliveries.length > 0 && !queues.actor.transactions.open) await queues.actor.queue.gate();
    const bodies = await Promise.all(messages.map((message) => queues.mailbox.bodyOf(message)));
    this.#touched = false;
    return deliveries.map((delivery, index) => {
      queues.handedOver(delivery);
      return this.#present(delivery, decodeValue(bodies[index] ?? new Uint8Array(), decodeOptions));
    });
  }

  /**
   * A consumer that receives again has finished its plain messages. Throws `queue.previous_message_not_completed`; an
   * iterator handles its own messages.
   */
  #endPrevious(owner: object, beside: boolean): void {
    let out = 0;
    let room = 1;
    for (const delivery of this.#open) {
      if (delivery.ended) this.#open.delete(delivery);
      else if (delivery.completable) {
        if (owner !== this && owner !== delivery.owner) continue;
        out++;
        room = Math.max(room, this.#queues.policies.get(delivery.message.queue)?.concurrency ?? 1);
      } else if (delivery.owner === owner && delivery.writes !== undefined) {
        this.#queues.settle(delivery);
        this.#open.delete(delivery);
      }
    }
    if (out >= room && !beside) throw previousNotCompleted();
  }

  #deliver(message: Message, completable: boolean, owner: object): Delivery {
    const delivery: Delivery = {
      message,
      completable,
      consumer: this,
      owner,
      writes: undefined,
      ended: false,
    };
    this.#open.add(delivery);
    this.#queues.delivered(delivery);
    return delivery;
  }

  #present(delivery: Delivery, body: unknown): QueueMessage {
    const { message } = delivery;
    const plain = {
      id: message.id,
      name: message.queue,
      body,
      createdAt: message.createdAt,
      attempt: message.attempt,
    };
    if (!delivery.completable) return plain;
    return {
      ...plain,
      complete: async (response?: unknown) => {
        this.#touched = true;
        await this.#queues.complete(delivery, response);
        this.#queues.actor.turn.userWrote();
      },
      fail: async (error?: unknown) => {
        this.#queues.fail(delivery, error);
        this.#queues.actor.turn.userWrote();
      },
    };
  }

  /** Takes available messages, or waits for them; undefined after the timeout. Throws `actor.aborted`. */
  async #takeOrWait(
    receive: Omit<Receiver, "resolve" | "reject">,
    timeoutMs: number | undefined,
    signal: AbortSignal | null | undefined,
  ): Promise<readonly Message[] | undefined> {
    const queues = this.#queues;
    if (signal?.aborted === true) throw aborted();
    // Receivers that have waited longer come first.
    queues.receivers.pump();
    const now = queues.receivers.take(receive);
    if (now !== undefined) {
      queues.arm();
      return now;
    }
    if (timeoutMs === 0) return undefined;
    return outsideTransaction(queues.actor, this.#owner, () =>
      this.#waitForMessages(receive, timeoutMs, signal),
    );
  }

  /** As {@link #takeOrWait}, if nothing is available yet. */
  #waitForMessages(
    receive: Omit<Receiver, "resolve" | "reject">,
    timeoutMs: number | undefined,
    signal: AbortSignal | null | undefined,
  ): Promise<readonly Message[] | undefined> {
    const queues = this.#queues;
    return new Promise((resolve, reject) => {
      const ends: (() => void)[] = [];
      const finish = (settle: () => void): void => {
        for (const end of ends) end();
        settle();
      };
      const receiver: Receiver = {
        ...receive,
        resolve: (messages) => finish(() => resolve(messages)),
        reject: (error) => finish(() => reject(error)),
      };
      if (!queues.wait(receiver)) return;
      ends.push(() => queues.actor.activity.waitEnded());
      const leave = (settle: () => void): void => {
        if (queues.receivers.remove(receiver)) finish(settle);
      };
      if (timeoutMs !== undefined) {
        const timer = queues.actor.ports.tasks.after(timeoutMs, () => leave(() => resolve(undefined)));
        ends.push(() => timer.cancel());
      }
      if (timeoutMs === undefined) {
        ends.push(this.#boundInTransaction((error) => leave(() => reject(error))));
      }
      if (signal !== undefined && signal !== null) {
        const abort = (): void => leave(() => reject(aborted()));
        signal.addEventListener("abort", abort, { once: true });
        ends.push(() => signal.removeEventListener("abort", abort));
      }
    });
  }
}

function timeoutOf(timeout: unknown): number | undefined {
  if (timeout === undefined || timeout === null || timeout === Number.POSITIVE_INFINITY) return undefined;
  if (typeof timeout === "number" && timeout >= 0) return Math.min(timeout, actorLimits.maxDelayMs);
  throw invalidOptions('"timeout" is not a number of milliseconds');
}

function countOf(count: unknown): number {
  if (count === undefined || count === null) return 1;
  if (typeof count === "number" && !Number.isNaN(count)) return Math.max(1, Math.trunc(count));
  throw invalidOptions('"count" is not a number');
}
