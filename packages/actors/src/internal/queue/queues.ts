import { encodeValue, messageOf, type Timer, validate } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import { type HotRecords, recordPrefix } from "../lifecycle/part.ts";
import { Completions } from "./completions.ts";
import { aborted, alreadyCompleted, type Delivery, notDefined } from "./delivery.ts";
import type { QueueDependencies } from "./dependencies.ts";
import { queueLimits } from "./limits.ts";
import { Mailbox, type MailboxState } from "./mailbox/mailbox.ts";
import type { Message } from "./mailbox/message.ts";
import { type Receiver, Receivers } from "./mailbox/receivers.ts";
import { Outbox } from "./outbox.ts";
import { isQueueName, type Policy, readPolicies, readPolicy, readSendOptions } from "./policy.ts";

/** The state that a failed transaction restores. */
interface Savepoint {
  readonly mailbox: MailboxState;
  readonly outbox: ReadonlySet<number>;
  readonly deliveries: readonly Delivery[];
}

/** A received message, as its consumer knows it. */
export interface Received {
  readonly id: number;
  readonly queue: string;
  readonly body: unknown;
  readonly createdAt: number;
  readonly attempt: number;
}

/** The queues of one running actor: their messages, and the deliveries to its consumers. */
export class Queues {
  readonly actor: QueueDependencies;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly mailbox: Mailbox;
  readonly receivers: Receivers;
  readonly completions: Completions;
  /** Messages to other actors. */
  readonly outbox: Outbox;
  /** Current deliveries, by message. */
  readonly #deliveries = new Map<number, Delivery>();
  /** Plain deliveries whose deletion is still to be written. */
  readonly #unsettled = new Set<Delivery>();
  /** Grows with `#opened`, also for receives that wait on all queues. */
  readonly #all: Policy[];
  /** Queues of an actor that declares none, created when it first names them. */
  readonly #opened: Map<string, Policy> | undefined;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;
  /** When the actor is to be started again for its messages if it dies now. */
  #rescueAt: number | undefined;
  /** True if it sleeps with messages that no receive was waiting for. */
  #sleepsWithMessages = false;
  #stopping = false;
  #savepoint: Savepoint | undefined;

  constructor(actor: QueueDependencies) {
    this.actor = actor;
    const { definition, ports, records } = actor;
    const declared = readPolicies(definition.queues);
    this.#opened = declared.size === 0 ? new Map() : undefined;
    this.policies = this.#opened ?? declared;
    this.#all = [...this.policies.values()];
    const { maxQueueSize, maxQueueMessageSize } = definition.options;
    this.mailbox = new Mailbox({
      records,
      clock: ports.clock,
      policies: this.policies,
      maxSize: maxQueueSize,
      maxMessageBytes: Math.min(maxQueueMessageSize, queueLimits.maxMessageBytes),
      changed: () => actor.turn.changed(),
      available: () => this.receivers.wake(),
      log: (what, { id, queue, attempt }) => actor.log.warn(what, { queue, messageId: id, attempt }),
      background: (work) =>
        actor.activity.keepAwake(work.catch((error: unknown) => actor.errors.report(error))),
    });
    this.receivers = new Receivers(this.mailbox);
    this.completions = new Completions(actor, this.mailbox);
    this.outbox = new Outbox(actor, this.mailbox, () => this.arm());
  }

  async load(hot: HotRecords): Promise<void> {
    const [record] = hot.get(recordPrefix.queue) ?? [];
    if (record === undefined) return;
    await this.mailbox.load(record);
    if (this.#opened !== undefined) for (const { queue } of this.mailbox.all) this.own(queue);
    await this.outbox.load();
  }

  started(): void {
    this.outbox.resume();
    this.arm();
  }

  /** Throws `queue.not_defined`. */
  policy(name: unknown): Policy {
    const policy = typeof name === "string" ? this.policies.get(name) : undefined;
    if (policy === undefined) throw notDefined(this.actor.name, name);
    return policy;
  }

  /** A queue for messages from outside: it has to be declared. Throws `queue.not_defined`. */
  declared(name: unknown): Policy {
    if (this.#opened !== undefined) throw notDefined(this.actor.name, name);
    return this.policy(name);
  }

  /** A queue that the actor itself names: any, if it declares none. Throws `queue.not_defined`. */
  own(name: unknown): Policy {
    const opened = this.#opened;
    if (opened === undefined || typeof name !== "string" || !isQueueName(name)) return this.policy(name);
    const before = opened.get(name);
    if (before !== undefined) return before;
    const policy = readPolicy(name, {});
    opened.set(name, policy);
    this.#all.push(policy);
    return policy;
  }

  /** The queues that a receive selects; all of them by default. Throws `queue.not_defined`. */
  select(names: readonly string[] | null | undefined): readonly Policy[] {
    if (names === undefined || names === null || names.length === 0) return this.#all;
    return [...new Set(names)].map((name) => this.own(name));
  }

  /** Validates a body with the schema of its queue. Throws `queue.invalid_payload`. */
  validated(policy: Policy, body: unknown): unknown | Promise<unknown> {
    if (policy.message === undefined) return body;
    const what = `The payload for the queue "${policy.name}"`;
    return validate(policy.message, body, { group: "queue", code: "invalid_payload", what });
  }

  /**
   * Adds a message to its queue, in the open turn. If its `dedupeKey` was sent before, nothing is written and the
   * earlier message is returned; `message` is undefined if that is already gone.
   */
  enqueue(
    policy: Policy,
    body: unknown,
    options: unknown,
    waiter?: string,
  ): { readonly id: number; readonly message: Message | undefined } {
    const settings = readSendOptions(policy, options, body);
    const { dedupeKey } = settings;
    const duplicateId =
      dedupeKey === undefined ? undefined : this.mailbox.dedupe.find(policy.name, dedupeKey);
    if (duplicateId !== undefined) {
      const message = this.mailbox.find(duplicateId);
      if (message !== undefined && waiter !== undefined) this.mailbox.addWaiter(message, waiter);
      return { id: duplicateId, message };
    }
    const encoded = encodeValue(this.actor.state.unwrap(body));
    const message = this.mailbox.enqueue(policy, encoded, settings, waiter);
    // A message that arrives while the actor goes to sleep wakes it again.
    this.#sleepsWithMessages = false;
    this.arm();
    return { id: message.id, message };
  }

  /** Undoes, in the open turn, the receipt of a plain message whose deletion may be durable. */
  requeueDeleted(received: Received): void {
    // An actor that declares no queues may not have named this one since its start.
    if (this.#opened !== undefined) this.own(received.queue);
    this.mailbox.requeueDeleted({ ...received, body: encodeValue(received.body) });
    this.#sleepsWithMessages = false;
    this.arm();
  }

  // Deliveries

  delivered(delivery: Delivery): void {
    this.#deliveries.set(delivery.message.id, delivery);
    this.arm();
  }

  /** From now on the next changes of its consumer include the deletion of a plain message. */
  handedOver(delivery: Delivery): void {
    delivery.writes = this.actor.turn.userWrites;
    if (!delivery.completable && !delivery.ended) this.#unsettled.add(delivery);
  }

  #end(delivery: Delivery): void {
    delivery.ended = true;
    this.#unsettled.delete(delivery);
    this.#deliveries.delete(delivery.message.id);
  }

  /** Deletes the message of a plain delivery, in the open turn. */
  settle(delivery: Delivery): void {
    if (delivery.ended) return;
    this.#end(delivery);
    this.mailbox.remove(delivery.message);
  }

  /** Returns the message of a delivery: it is delivered again, or becomes a dead letter. */
  redeliver(delivery: Delivery, reason: string): void {
    if (delivery.ended) return;
    this.#end(delivery);
    this.mailbox.release(delivery.message, reason);
    // The delivery has ended, so there is room for another one.
    this.receivers.wake();
    this.arm();
  }

  /** As {@link redeliver}, for a message that its consumer has released. */
  redeliverById(id: number, reason: string): void {
    const delivery = this.#deliveries.get(id);
    if (delivery !== undefined) this.redeliver(delivery, reason);
  }

  /** Throws `queue.already_completed`, `queue.invalid_completion_payload`. */
  complete(delivery: Delivery, response: unknown): void | Promise<void> {
    const { message } = delivery;
    if (delivery.ended || message.state !== "out") throw alreadyCompleted();
    return this.#complete(message, response);
  }

  /** As {@link complete}, for any consumer's message. */
  completeById(id: number, name: string, response: unknown): void | Promise<void> {
    const message = this.mailbox.find(id);
    if (message === undefined || message.queue !== name || message.state === "taken")
      throw alreadyCompleted();
    return this.#complete(message, response);
  }

  #complete(message: Message, response: unknown): void | Promise<void> {
    return this.completions.complete(this.policy(message.queue), message, response, () => {
      const delivery = this.#deliveries.get(message.id);
      if (delivery !== undefined) this.#end(delivery);
      this.receivers.wake();
      this.arm();
    });
  }

  /** Throws `queue.already_completed`. */
  fail(delivery: Delivery, error: unknown): void {
    if (delivery.ended || delivery.message.state !== "out") throw alreadyCompleted();
    this.redeliver(delivery, reasonOf(error));
  }

  /** The message has returned to its queue, so its delivery is void. */
  #endReleasedDeliveries(): void {
    for (const delivery of this.#deliveries.values()) {
      const { state } = delivery.message;
      if (state !== "out" && state !== "taken") this.#end(delivery);
    }
  }

  closing(): void {
    const { turn, activity } = this.actor;
    for (const delivery of this.#unsettled) {
      if (delivery.writes === turn.userWrites) continue;
      // Changes that other running code may have made do not mean that this consumer has finished.
      const { consumer } = delivery;
      if (consumer.touched || activity.counts.active <= consumer.calls) this.settle(delivery);
    }
    this.mailbox.flush();
    this.completions.flush();
    this.#setRescue();
  }

  // Transactions

  savepoint(): void {
    this.#savepoint = {
      mailbox: this.mailbox.snapshot(),
      outbox: this.outbox.numbers,
      deliveries: [...this.#deliveries.values()],
    };
    this.receivers.hold();
  }

  rollback(): void {
    // Created within the transaction, it was empty before.
    const before = this.#savepoint ?? nothing;
    this.#savepoint = undefined;
    this.mailbox.restore(before.mailbox);
    this.outbox.rollback(before.outbox);
    this.completions.rollback();
    // Messages received in the transaction return to their queues; messages completed in it are out again.
    for (const delivery of this.#deliveries.values()) delivery.ended = true;
    this.#deliveries.clear();
    this.#unsettled.clear();
    for (const delivery of before.deliveries) {
      delivery.ended = false;
      // The changes of its consumer are undone, and no longer mean that it has finished.
      delivery.writes = delivery.writes === undefined ? undefined : this.actor.turn.userWrites;
      this.#deliveries.set(delivery.message.id, delivery);
      if (!delivery.completable && delivery.writes !== undefined) this.#unsettled.add(delivery);
    }
    this.receivers.release();
    this.arm();
  }

  keep(): void {
    this.#savepoint = undefined;
    this.receivers.release();
  }

  /** Resolves when no transaction is open: what follows synchronously is not part of one. */
  async outside(): Promise<void> {
    const { transactions, transactionLock } = this.actor;
    while (transactions.open) await transactionLock.pass();
  }

  // Waiting

  /** Adds a waiting receive; if the actor stops, it rejects with `actor.aborted`. */
  wait(receiver: Receiver): boolean {
    if (this.#stopping) {
      receiver.reject(aborted());
      return false;
    }
    this.receivers.add(receiver);
    this.actor.activity.waitBegan();
    return true;
  }

  /** When the actor has to be in memory: for later messages, and after a crash for current ones. */
  get wakeAt(): number | undefined {
    return earliest(this.mailbox.dueAt, this.outbox.wakeAt, this.#rescueAt);
  }

  /**
   * An actor with a `run` handler and messages is started again soon after a crash. The time is extended while it
   * lives, so that it rarely passes then.
   */
  #setRescue(): void {
    const { definition, parts } = this.actor;
    // A workflow that waits for something other than a message has a wake-up time of its own.
    const consumes =
      definition.run !== undefined && (parts.workflow === undefined || this.receivers.size > 0);
    const busy = consumes && this.mailbox.size + this.#unsettled.size > 0;
    if (!busy || this.#sleepsWithMessages) {
      this.#rescueAt = undefined;
      return;
    }
    const now = this.actor.ports.clock.now();
    const { rescueMs } = queueLimits;
    if (this.#rescueAt === undefined || this.#rescueAt < now + rescueMs / 2) this.#rescueAt = now + rescueMs;
  }

  /** Sets the timer for what is due next. */
  arm(): void {
    const at = earliest(this.mailbox.dueAt, this.outbox.dueAt);
    if (at === this.#timer?.at || this.actor.phase.status === "stopped") return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (at === undefined) return;
    const { clock, tasks } = this.actor.ports;
    const delay = Math.min(Math.max(0, at - clock.now()), actorLimits.maxTimerMs);
    const timer = tasks.after(delay, () => {
      this.#timer = undefined;
      if (this.actor.phase.sealed) return;
      this.mailbox.tick();
      this.#endReleasedDeliveries();
      this.outbox.tick();
      this.receivers.wake();
      this.arm();
    });
    this.#timer = { at, timer };
  }

  stopping(): void {
    this.#stopping = true;
    // An actor that sleeps while its consumers wait, or after they have ended, has no messages that they want.
    this.#sleepsWithMessages = this.receivers.size > 0 || this.actor.activity.counts.runs === 0;
    this.receivers.rejectAll(aborted());
    if (this.#rescueAt !== undefined && this.#sleepsWithMessages) this.actor.turn.dirty = true;
  }

  stopped(): void {
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.receivers.rejectAll(aborted());
    this.completions.rejectAll(this.actor.errors.stopping());
    this.outbox.stopped();
  }
}

const nothing: Savepoint = {
  mailbox: { messages: [], nextId: 1, reserved: 1, dedupe: new Map() },
  outbox: new Set(),
  deliveries: [],
};

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined;
  for (const at of times) if (at !== undefined && (first === undefined || at < first)) first = at;
  return first;
}

function reasonOf(error: unknown): string {
  if (error === undefined) return "its consumer refused it";
  return messageOf(error).slice(0, 1_000);
}
