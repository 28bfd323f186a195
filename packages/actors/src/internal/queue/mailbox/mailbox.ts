/** Stored messages: order, states, bodies, dead letters, deduplication. */
import { type Clock, HoldfastError } from "@holdfast/core";
import type { KvEntry } from "../../../ports/records.ts";
import type { EntryBuffer } from "../../kv/entry-buffer.ts";
import { recordPrefix } from "../../lifecycle/part.ts";
import { queueLimits } from "../limits.ts";
import { backoffMs, type Policy, type SendSettings } from "../policy.ts";
import { Bodies } from "./bodies.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Dedupe, type DedupeState } from "./dedupe.ts";
import { DueTimes } from "./due-times.ts";
import { Heap } from "./heap.ts";
import { comesFirst, type Message } from "./message.ts";
import {
  decodeHot,
  decodeMessage,
  encodeHot,
  encodeMessage,
  hotKey,
  type MessageRecord,
  numberedKey,
  prefixRange,
} from "./records.ts";

/** The fields of a message that are kept after its receipt. */
type DeletedMessage = Pick<Message, "id" | "queue" | "createdAt" | "attempt"> & { readonly body: Uint8Array };

export interface MailboxOptions {
  readonly records: EntryBuffer;
  readonly clock: Clock;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly maxSize: number;
  readonly maxMessageBytes: number;
  /** Called when something has to be written with the open turn. */
  readonly changed: () => void;
  /** Called when a message becomes available. */
  readonly available: () => void;
  /** Called for events that belong in the log. */
  readonly log: (what: string, message: Message) => void;
  /** Runs work that a stop has to wait for. */
  readonly background: (work: Promise<void>) => void;
}

/** A snapshot of the mailbox. */
export interface MailboxState {
  readonly messages: readonly (readonly [Message, Message])[];
  readonly nextId: number;
  readonly reserved: number;
  readonly dedupe: DedupeState;
}

/**
 * The messages of one actor: an in-memory index over their records, independent of senders and receivers. Writes
 * commit with the open turn.
 */
export class Mailbox {
  readonly dedupe: Dedupe;
  readonly deadLetters: DeadLetters;
  readonly #bodies: Bodies;
  readonly #options: MailboxOptions;
  readonly #records: EntryBuffer;
  readonly #clock: Clock;
  readonly #messages = new Map<number, Message>();
  readonly #ready = new Map<string, Heap<Message>>();
  readonly #out = new Map<string, number>();
  /** Messages with waiting senders, by the senders' keys. */
  readonly #awaited = new Map<string, Message>();
  readonly #dueTimes: DueTimes;
  /** Writes of the open turn: a message that is added and removed within it leaves no trace. */
  readonly #unsaved = new Set<Message>();
  #size = 0;
  #nextId = 1;
  /** Ids from here on have to be reserved first. */
  #reserved = 1;

  constructor(options: MailboxOptions) {
    this.#options = options;
    this.#records = options.records;
    this.#clock = options.clock;
    this.#bodies = new Bodies(options.records);
    this.dedupe = new Dedupe(options.records, options.clock);
    this.deadLetters = new DeadLetters(options.records, this.#bodies);
    this.#dueTimes = new DueTimes(this.#messages);
  }

  /** Reads the messages of an earlier instance. `hot` is the hot record: without it there are none. */
  async load(hot: KvEntry | undefined): Promise<void> {
    if (hot === undefined) return;
    this.#nextId = decodeHot(hot.value);
    this.#reserved = this.#nextId;
    for (const { key, value } of await this.#records.list(prefixRange(recordPrefix.queueMessage))) {
      const record = decodeMessage(key, value);
      this.#add({ ...record, state: "delayed", visibleAt: undefined, dueAt: undefined, stored: true });
    }
    await this.dedupe.load();
  }

  /** Number of messages that are not taken or deleted. */
  get size(): number {
    return this.#size;
  }

  get all(): IterableIterator<Message> {
    return this.#messages.values();
  }

  find(id: number): Message | undefined {
    return this.#messages.get(id);
  }

  /** The message whose completion a sender with this key waits for. */
  awaited(key: string): Message | undefined {
    return this.#awaited.get(key);
  }

  /** Number of messages of a queue that consumers hold. */
  out(queue: string): number {
    return this.#out.get(queue) ?? 0;
  }

  /** Writes the hot record: without it, nothing cold is read at the next wake. */
  reserveIds(): void {
    if (this.#nextId < this.#reserved) return;
    this.#reserved = this.#nextId + queueLimits.idBlock;
    this.#records.put(hotKey, encodeHot(this.#reserved));
  }

  /** Throws `queue.full`, `queue.message_too_large`. */
  enqueue(policy: Policy, body: Uint8Array, settings: SendSettings, waiter: string | undefined): Message {
    const { maxMessageBytes, maxSize } = this.#options;
    if (body.length > maxMessageBytes) throw tooLarge(body.length, maxMessageBytes);
    if (this.#size >= maxSize) throw full(maxSize);
    const now = this.#clock.now();
    this.reserveIds();
    const id = this.#nextId++;
    const message: Message = {
      id,
      queue: policy.name,
      createdAt: now,
      attempt: 0,
      availableAt: settings.delayMs > 0 ? now + settings.delayMs : 0,
      expiresAt: settings.ttlMs === undefined ? 0 : now + settings.ttlMs,
      priority: settings.priority,
      waiters: waiter === undefined ? [] : [waiter],
      body: this.#bodies.store(id, body),
      state: "delayed",
      visibleAt: undefined,
      dueAt: undefined,
      stored: false,
    };
    this.#write(message);
    if (settings.dedupeKey !== undefined) {
      this.dedupe.add(policy.name, settings.dedupeKey, { id, expiresAt: now + policy.dedupeWindowMs });
    }
    this.#add(message);
    return message;
  }

  /** Adds a waiting sender to this message. */
  addWaiter(message: Message, waiter: string): void {
    if (message.waiters.includes(waiter)) return;
    message.waiters = [...message.waiters, waiter];
    this.#awaited.set(waiter, message);
    this.#write(message);
  }

  /** The encoded body; a promise only if it is stored in chunks. */
  bodyOf(message: Pick<MessageRecord, "id" | "body">): Uint8Array | Promise<Uint8Array> {
    return this.#bodies.read(message);
  }

  /** The next message of `queues`, if any. A queue whose `concurrency` is exhausted has none. */
  peek(queues: Iterable<Policy>): Message | undefined {
    return this.#next(queues, true);
  }

  /** As {@link peek}, ignoring the concurrency. */
  peekAny(queues: Iterable<Policy>): Message | undefined {
    return this.#next(queues, false);
  }

  #next(queues: Iterable<Policy>, bounded: boolean): Message | undefined {
    let best: Message | undefined;
    for (const policy of queues) {
      if (bounded && this.out(policy.name) >= policy.concurrency) continue;
      const head = this.#head(policy);
      if (head !== undefined && (best === undefined || comesFirst(head, best))) best = head;
    }
    return best;
  }

  #head(policy: Policy): Message | undefined {
    const ready = this.#ready.get(policy.name);
    for (let head = ready?.peek(); head !== undefined; head = ready?.peek()) {
      if (head.state !== "ready" || head.queue !== policy.name) ready?.pop();
      else if (this.#expired(head)) this.#expire(head);
      else if (head.attempt >= policy.maxAttempts) this.moveToDeadLetters(head, "it was delivered too often");
      else return head;
    }
    return undefined;
  }

  /** Delivers a message that `peek` returned to a consumer. */
  take(message: Message, completable: boolean): void {
    const policy = this.#options.policies.get(message.queue);
    this.#ready.get(message.queue)?.pop();
    message.attempt++;
    message.state = completable ? "out" : "taken";
    if (completable) this.#out.set(message.queue, this.out(message.queue) + 1);
    else this.#size--;
    const visibility = completable ? policy?.visibilityTimeoutMs : undefined;
    message.visibleAt = visibility === undefined ? undefined : this.#clock.now() + visibility;
    // Without a limit of attempts their number need not be stored: a plain receive writes once, at its end.
    if (completable || policy?.maxAttempts !== Number.POSITIVE_INFINITY) this.#write(message);
    this.#schedule(message);
  }

  /** Deletes a message. Idempotent. */
  remove(message: Message): void {
    if (message.state === "removed") return;
    this.#removeFromIndexes(message);
    this.#deleteRecord(message);
    this.#bodies.delete(message);
  }

  #deleteRecord(message: Message): void {
    this.#messages.delete(message.id);
    for (const key of message.waiters) this.#awaited.delete(key);
    this.#unsaved.delete(message);
    if (message.stored) this.#records.delete(messageKey(message.id));
    message.stored = false;
  }

  /** Removes the message from every index and count. */
  #removeFromIndexes(message: Message): void {
    if (message.state === "out") this.#out.set(message.queue, this.out(message.queue) - 1);
    if (message.state !== "taken") this.#size--;
    message.state = "removed";
    message.visibleAt = undefined;
    message.dueAt = undefined;
  }

  /** A delivery has failed: the message returns after the backoff, or becomes a dead letter. */
  release(message: Message, reason: string): void {
    const policy = this.#options.policies.get(message.queue);
    if (message.state !== "out" && message.state !== "taken") return;
    if (policy !== undefined && message.attempt >= policy.maxAttempts)
      return this.moveToDeadLetters(message, reason);
    const wait = policy === undefined ? 0 : backoffMs(policy, message.attempt);
    this.#removeFromIndexes(message);
    message.availableAt = wait > 0 ? this.#clock.now() + wait : 0;
    this.#write(message);
    this.#add(message);
  }

  /** Gives up on a message: moves it to the dead-letter queue, or to the dead letters. */
  moveToDeadLetters(message: Message, reason: string): void {
    const policy = this.#options.policies.get(message.queue);
    const death = { queue: message.queue, failedAt: this.#clock.now(), reason };
    this.#removeFromIndexes(message);
    this.#options.log("message is a dead letter", message);
    if (policy?.deadLetter !== undefined) {
      message.queue = policy.deadLetter;
      message.death = death;
      message.attempt = 0;
      message.availableAt = 0;
      this.#write(message);
      this.#add(message);
      return;
    }
    this.#deleteRecord(message);
    this.deadLetters.add({ ...message, death });
    this.#options.background(this.deadLetters.trim());
  }

  /** Returns a dead letter to its queue with its attempts reset. Throws `queue.full`. */
  revive(letter: MessageRecord): void {
    if (this.#size >= this.#options.maxSize) throw full(this.#options.maxSize);
    this.deadLetters.take(letter);
    const { death: _, ...rest } = letter;
    this.#requeue({ ...rest, attempt: 0 });
  }

  /** Returns a deleted message to its queue, with its former id and without its priority, even if the queue is full. */
  requeueDeleted(gone: DeletedMessage): void {
    if (this.#messages.has(gone.id)) return;
    this.#requeue({ ...gone, priority: 0, waiters: [], body: this.#bodies.store(gone.id, gone.body) });
  }

  /** Available now and without expiry, whatever its times were. */
  #requeue(record: Omit<MessageRecord, "availableAt" | "expiresAt">): void {
    const message: Message = {
      ...record,
      availableAt: 0,
      expiresAt: 0,
      state: "delayed",
      visibleAt: undefined,
      dueAt: undefined,
      stored: false,
    };
    this.#write(message);
    this.#add(message);
  }

  /** Takes a snapshot for {@link restore}. */
  snapshot(): MailboxState {
    return {
      messages: [...this.#messages.values()].map((message) => [message, { ...message }]),
      nextId: this.#nextId,
      reserved: this.#reserved,
      dedupe: this.dedupe.snapshot(),
    };
  }

  /** Restores a snapshot; the message objects stay the same. */
  restore({ messages, nextId, reserved, dedupe }: MailboxState): void {
    for (const message of this.#messages.values()) message.state = "removed";
    this.#messages.clear();
    this.#unsaved.clear();
    this.#awaited.clear();
    this.#ready.clear();
    this.#out.clear();
    this.#size = 0;
    this.#nextId = nextId;
    this.#reserved = reserved;
    this.dedupe.restore(dedupe);
    for (const [message, before] of messages) {
      Object.assign(message, before);
      this.#messages.set(message.id, message);
      for (const key of message.waiters) this.#awaited.set(key, message);
      if (message.state !== "taken") this.#size++;
      if (message.state === "out") this.#out.set(message.queue, this.out(message.queue) + 1);
      if (message.state === "ready") this.#makeReady(message);
      this.#schedule(message);
    }
  }

  #expired(message: Message): boolean {
    return message.expiresAt !== 0 && message.expiresAt <= this.#clock.now();
  }

  #expire(message: Message): void {
    this.#options.log("message has expired", message);
    this.remove(message);
  }

  /** Adds a message to its queue, or to the delayed ones. */
  #add(message: Message): void {
    this.#messages.set(message.id, message);
    for (const key of message.waiters) this.#awaited.set(key, message);
    this.#size++;
    if (message.availableAt > this.#clock.now()) message.state = "delayed";
    else this.#makeReady(message);
    this.#schedule(message);
  }

  #makeReady(message: Message): void {
    message.state = "ready";
    let ready = this.#ready.get(message.queue);
    if (ready === undefined) {
      ready = new Heap(comesFirst);
      this.#ready.set(message.queue, ready);
    }
    ready.push(message);
    this.#options.available();
  }

  #schedule(message: Message): void {
    const waits = message.state === "ready" || message.state === "delayed";
    const expires = waits && message.expiresAt !== 0 ? message.expiresAt : Number.POSITIVE_INFINITY;
    const comes = message.state === "delayed" ? message.availableAt : Number.POSITIVE_INFINITY;
    const at = Math.min(expires, comes, message.visibleAt ?? Number.POSITIVE_INFINITY);
    message.dueAt = at === Number.POSITIVE_INFINITY ? undefined : at;
    this.#dueTimes.add(message);
  }

  /** The next time at which a message becomes available, expires, or returns to its queue. */
  get dueAt(): number | undefined {
    return this.#dueTimes.earliest;
  }

  /** Handles everything that is due. */
  tick(): void {
    const now = this.#clock.now();
    for (let at = this.dueAt; at !== undefined && at <= now; at = this.dueAt) {
      const message = this.#dueTimes.pop();
      if (message === undefined) return;
      message.dueAt = undefined;
      if (message.visibleAt !== undefined && message.visibleAt <= now) {
        this.release(message, "it was neither completed nor failed in time");
      } else if (this.#expired(message)) this.#expire(message);
      else {
        if (message.state === "delayed" && message.availableAt <= now) this.#makeReady(message);
        this.#schedule(message);
      }
    }
  }

  #write(message: Message): void {
    this.#unsaved.add(message);
    this.#options.changed();
  }

  /** Called when the turn closes: writes the records. */
  flush(): void {
    for (const message of this.#unsaved) {
      this.#records.put(messageKey(message.id), encodeMessage(message));
      message.stored = true;
    }
    this.#unsaved.clear();
  }
}

function messageKey(id: number): Uint8Array {
  return numberedKey(recordPrefix.queueMessage, id);
}

function full(limit: number): HoldfastError {
  return new HoldfastError("queue", "full", `Queue is full. Limit is ${limit} messages.`, {
    metadata: { limit },
  });
}

function tooLarge(size: number, limit: number): HoldfastError {
  const message = `Queue message too large (${size} bytes). Limit is ${limit} bytes.`;
  return new HoldfastError("queue", "message_too_large", message, { metadata: { size, limit } });
}
