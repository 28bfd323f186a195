import type { Policy } from "../policy.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Message } from "./message.ts";

/** A receive that waits for messages. */
export interface Receiver {
  readonly policies: readonly Policy[];
  readonly count: number;
  readonly completable: boolean;
  /** Waits for a message to be available, without taking it. */
  readonly peeks: boolean;
  resolve(messages: readonly Message[]): void;
  reject(error: unknown): void;
}

/** Waiting receives, served first come, first served. */
export class Receivers {
  readonly #mailbox: Mailbox;
  readonly #waiting = new Set<Receiver>();
  /** Receives from before the open transaction: its messages may be rolled back, so they are served after it. */
  #held: ReadonlySet<Receiver> | undefined;
  #pumpSet = false;

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** In a microtask, so that messages sent together are received together. */
  wake(): void {
    if (this.#pumpSet || this.#waiting.size === 0) return;
    this.#pumpSet = true;
    void Promise.resolve().then(() => this.pump());
  }

  /** Serves the waiting receives. */
  pump(): void {
    this.#pumpSet = false;
    for (const receiver of [...this.#waiting]) {
      if (this.#held?.has(receiver)) continue;
      const messages = this.take(receiver);
      if (messages === undefined) continue;
      this.#waiting.delete(receiver);
      receiver.resolve(messages);
    }
  }

  /** A transaction begins: current receives wait until {@link release}. */
  hold(): void {
    this.#held = new Set(this.#waiting);
  }

  release(): void {
    this.#held = undefined;
    this.wake();
  }

  /** The messages for a receive; undefined if there are none. */
  take({
    policies,
    count,
    completable,
    peeks,
  }: Omit<Receiver, "resolve" | "reject">): readonly Message[] | undefined {
    const first = this.#mailbox.peek(policies);
    if (first === undefined) return undefined;
    if (peeks) return [];
    // A batch counts as one delivery: all of its queues had room for one.
    const open = policies.filter((each) => this.#mailbox.out(each.name) < each.concurrency);
    const taken: Message[] = [];
    for (let next: Message | undefined = first; next !== undefined; next = this.#mailbox.peekAny(open)) {
      this.#mailbox.take(next, completable);
      taken.push(next);
      if (taken.length >= count) break;
    }
    return taken;
  }

  add(receiver: Receiver): void {
    this.#waiting.add(receiver);
  }

  /** Returns false if it was served already. */
  remove(receiver: Receiver): boolean {
    return this.#waiting.delete(receiver);
  }

  rejectAll(error: unknown): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const receiver of waiting) receiver.reject(error);
  }
}
