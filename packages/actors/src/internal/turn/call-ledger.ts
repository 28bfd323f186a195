import type { Clock } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { ActorStore, CallRecord } from "../../ports/store.ts";
import { KeyFilter } from "./bloom-filter.ts";
import { type CallOutcome, decodeOutcome, encodeOutcome } from "./call-result.ts";
import { OutcomeMemory } from "./outcome-memory.ts";

export const { callWindowMs } = actorLimits;
const { maxRememberedCalls, maxRememberedCallBytes } = actorLimits;

/** The record of a key: its outcome, or a start without a recorded end. */
export type RecordedCall = CallOutcome | { readonly type: "interrupted" };

/** The keyed calls of one actor: records in the store, and those of the next commit. */
export class CallLedger {
  readonly #store: ActorStore;
  readonly #actorId: string;
  readonly #clock: Clock;
  readonly #remembered = new OutcomeMemory();
  /** Until this time (ms since the epoch) the store may hold records of earlier instances. */
  readonly #storedCallsUntil: number;
  /** Filter of evicted keys; created on the first eviction. */
  #forgotten: KeyFilter | undefined;
  /** The greatest evicted key: a greater key (keys usually begin with their time) cannot have been evicted. */
  #lastForgotten = "";
  #pending: CallRecord[] = [];

  constructor(store: ActorStore, actorId: string, clock: Clock, storedCallsUntil: number) {
    this.#store = store;
    this.#actorId = actorId;
    this.#clock = clock;
    this.#storedCallsUntil = storedCallsUntil;
  }

  /** Looks a key up. Returns a promise only if the store has to be read. */
  find(key: string): RecordedCall | undefined | Promise<RecordedCall | undefined> {
    const remembered = this.remembered(key);
    if (remembered !== undefined) return remembered;
    if (!this.#mayBeStored && !this.#mayBeForgotten(key)) return undefined;
    return this.#store.call(this.#actorId, key).then((record) => {
      if (record === undefined || record.expiresAt <= this.#clock.now()) return undefined;
      return record.outcome === undefined ? { type: "interrupted" } : decodeOutcome(record.outcome);
    });
  }

  /** False for an actor that this instance created: the store has no earlier records. */
  get #mayBeStored(): boolean {
    return this.#storedCallsUntil > 0 && this.#clock.now() < this.#storedCallsUntil;
  }

  #mayBeForgotten(key: string): boolean {
    return key <= this.#lastForgotten && this.#forgotten?.mayHave(key) === true;
  }

  /** The outcome of a key that is in memory. */
  remembered(key: string): CallOutcome | undefined {
    const remembered = this.#remembered.get(key);
    return remembered !== undefined && remembered.expiresAt > this.#clock.now()
      ? decodeOutcome(remembered.bytes)
      : undefined;
  }

  /** Records the start of this call with the next commit. */
  started(key: string): void {
    this.#pending.push({ key, status: "started", expiresAt: this.#clock.now() + callWindowMs });
  }

  /** Records the outcome of this call with the next commit. */
  done(key: string, outcome: CallOutcome): void {
    const expiresAt = this.#clock.now() + callWindowMs;
    const bytes = encodeOutcome(outcome);
    this.#pending.push({ key, status: "done", outcome: bytes, expiresAt });
    this.#keep(key, bytes, expiresAt);
  }

  /** Remembers an outcome in memory only. */
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

  /** Evicts a quarter at a time, which keeps the cost per call low. */
  #forgetOldest(): void {
    const now = this.#clock.now();
    const forgotten = this.#forgotten ?? new KeyFilter(callWindowMs, now);
    this.#forgotten = forgotten;
    this.#remembered.shrink(0.75 * maxRememberedCalls, 0.75 * maxRememberedCallBytes, (key) => {
      forgotten.add(key, now);
      if (key > this.#lastForgotten) this.#lastForgotten = key;
    });
  }

  /** Takes the records for the next commit. */
  take(): readonly CallRecord[] | undefined {
    if (this.#pending.length === 0) return undefined;
    const records = this.#pending;
    this.#pending = [];
    return records;
  }
}
