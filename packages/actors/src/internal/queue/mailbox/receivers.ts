import type { Policy } from "../policy.ts";
import type { Mailbox, Message } from "./mailbox.ts";

/** A receive that waits for its messages. */
export interface Receiver {
  readonly policies: readonly Policy[];
  readonly count: number;
  readonly completable: boolean;
  /** Wants to know only that a message is there. */
  readonly peeks: boolean;
  resolve(messages: readonly Message[]): void;
  reject(error: unknown): void;
}

/** The receives that wait, first come, first served. */
export class Receivers {
  readonly #mailbox: Mailbox;
  readonly #waiting = new Set<Receiver>();
  /** Those who waited before the open transaction: what it brings may be taken back, and comes to them after it. */
  #held: ReadonlySet<Receiver> | undefined;
  #pumpSet = false;

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Soon, so that what is sent in one go is received in one go. */
  wake(): void {
    if (this.#pumpSet || this.#waiting.size === 0) return;
    this.#pumpSet = true;
    void Promise.resolve().then(() => this.pump());
  }

  /** Hands out what is there. */
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

  /** A transaction begins: nobody who waits now is served until {@link release}. */
  hold(): void {
    this.#held = new Set(this.#waiting);
  }

  release(): void {
    this.#held = undefined;
    this.wake();
  }

  /** What a receive gets now; undefined when that is nothing. */
  take({
    policies,
    count,
    completable,
    peeks,
  }: Omit<Receiver, "resolve" | "reject">): readonly Message[] | undefined {
    const first = this.#mailbox.peek(policies);
    if (first === undefined) return undefined;
    if (peeks) return [];
    // All of a batch come from queues that had room for one: a batch counts as one delivery in that.
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

  /** False when it was served already. */
  remove(receiver: Receiver): boolean {
    return this.#waiting.delete(receiver);
  }

  rejectAll(error: unknown): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const receiver of waiting) receiver.reject(error);
  }
}
