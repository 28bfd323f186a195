import type { Clock } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { ActorStore, CallRecord } from "../../ports/store.ts";
import { KeyFilter } from "./bloom-filter.ts";
import { type CallOutcome, decodeOutcome, encodeOutcome } from "./call-result.ts";
import { OutcomeMemory } from "./outcome-memory.ts";

export const { callWindowMs } = actorLimits;
const { maxRememberedCalls, maxRememberedCallBytes } = actorLimits;

/** What is known of a key: its outcome, or that a call of it began and its end was never recorded. */
export type RecordedCall = CallOutcome | { readonly type: "interrupted" };

/** The keyed calls of one actor: what the store has recorded, and what the next commit will. */
export class CallLedger {
  readonly #store: ActorStore;
  readonly #actorId: string;
  readonly #clock: Clock;
  readonly #remembered = new OutcomeMemory();
  /** Until then, in milliseconds, the store may hold records of earlier instances. */
  readonly #storedCallsUntil: number;
  /** The keys of what has been forgotten; made when something is. */
  #forgotten: KeyFilter | undefined;
  /** None of what has been forgotten has a key after this one: keys that begin with their time are new by that. */
  #lastForgotten = "";
  #pending: CallRecord[] = [];

  constructor(store: ActorStore, actorId: string, clock: Clock, storedCallsUntil: number) {
    this.#store = store;
    this.#actorId = actorId;
    this.#clock = clock;
    this.#storedCallsUntil = storedCallsUntil;
  }

  /** Looks a key up; a promise only where the store has to be asked. */
  find(key: string): RecordedCall | undefined | Promise<RecordedCall | undefined> {
    const remembered = this.remembered(key);
    if (remembered !== undefined) return remembered;
    if (!this.#mayBeStored && !this.#mayBeForgotten(key)) return undefined;
    return this.#store.call(this.#actorId, key).then((record) => {
      if (record === undefined || record.expiresAt <= this.#clock.now()) return undefined;
      return record.outcome === undefined ? { type: "interrupted" } : decodeOutcome(record.outcome);
    });
  }

  /** The store may hold records of earlier instances; it never does for an actor that this one has made. */
  get #mayBeStored(): boolean {
    return this.#storedCallsUntil > 0 && this.#clock.now() < this.#storedCallsUntil;
  }

  #mayBeForgotten(key: string): boolean {
    return key <= this.#lastForgotten && this.#forgotten?.mayHave(key) === true;
  }

  /** What is known of a key without asking the store. */
  remembered(key: string): CallOutcome | undefined {
    const known = this.#remembered.get(key);
    return known !== undefined && known.expiresAt > this.#clock.now()
      ? decodeOutcome(known.bytes)
      : undefined;
  }

  /** The next commit says that this call has begun. */
  started(key: string): void {
    this.#pending.push({ key, status: "started", expiresAt: this.#clock.now() + callWindowMs });
  }

  /** The next commit says how this call ended. */
  done(key: string, outcome: CallOutcome): void {
    const expiresAt = this.#clock.now() + callWindowMs;
    const bytes = encodeOutcome(outcome);
    this.#pending.push({ key, status: "done", outcome: bytes, expiresAt });
    this.#keep(key, bytes, expiresAt);
  }

  /** In memory only. */
  remember(key: string, outcome: CallOutcome): void {
    this.#keep(key, encodeOutcome(outcome), this.#clock.now() + callWindowMs);
  }

  #keep(key: string, bytes: Uint8Array, expiresAt: number): void {
    const remembered = this.#remembered;
    remembered.set(key, bytes, expiresAt);
    if (remembered.count > maxRememberedCalls || remembered.size > maxRememberedCallBytes) {
      this.#forgetOldest();
    }
  }

  /** A quarter at once, which costs little for each. */
  #forgetOldest(): void {
    const now = this.#clock.now();
    const forgotten = this.#forgotten ?? new KeyFilter(callWindowMs, now);
    this.#forgotten = forgotten;
    this.#remembered.shrink(0.75 * maxRememberedCalls, 0.75 * maxRememberedCallBytes, (key) => {
      forgotten.add(key, now);
      if (key > this.#lastForgotten) this.#lastForgotten = key;
    });
  }

  /** What the next commit records. */
  take(): readonly CallRecord[] | undefined {
    if (this.#pending.length === 0) return undefined;
    const records = this.#pending;
    this.#pending = [];
    return records;
  }
}
