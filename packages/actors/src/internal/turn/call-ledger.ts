import type { Clock } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { ActorStore, CallRecord } from "../../ports/store.ts";
import { type CallOutcome, decodeOutcome, encodeOutcome } from "./call-result.ts";
import { KeyFilter } from "./key-filter.ts";
import { OutcomeCache } from "./outcome-cache.ts";

export const { callWindowMs } = actorLimits;
const { maxRememberedCalls, maxRememberedCallBytes } = actorLimits;

/** The record of a key: its outcome, or a start without a recorded end. */
export type RecordedCall = CallOutcome | { readonly type: "interrupted" };

/** The keyed calls of one actor: records in the store, and those of the next commit. */
export class CallLedger {
  readonly #store: ActorStore;
  readonly #actorId: string;
  readonly #clock: Clock;
  readonly #outcomes = new OutcomeCache();
  /** Until this time (ms since the epoch) the store may hold records of earlier instances. */
  readonly #storedCallsUntil: number;
  /** Filter of evicted keys; created on the first eviction. */
  #evictedKeys: KeyFilter | undefined;
  /** The greatest evicted key: a greater key (keys usually begin with their time) cannot have been evicted. */
  #greatestEvictedKey = "";
  #pending: CallRecord[] = [];
  /** Rejects those who wait for the store. */
  readonly #lookups = new Set<(error: unknown) => void>();

  constructor(store: ActorStore, actorId: string, clock: Clock, storedCallsUntil: number) {
    this.#store = store;
    this.#actorId = actorId;
    this.#clock = clock;
    this.#storedCallsUntil = storedCallsUntil;
  }

  /** Looks a key up. Returns a promise only if the store has to be read; see {@link rejectLookups}. */
  find(key: string): RecordedCall | undefined | Promise<RecordedCall | undefined> {
    const cached = this.cachedOutcome(key);
    if (cached !== undefined) return cached;
    if (!this.#mayBeStored && !this.#mayBeEvicted(key)) return undefined;
    return this.#read(key);
  }

  /**
   * The actor has left memory: nobody waits longer for the store, which may be out of reach for minutes. What asked has
   * not run, and the next instance takes it.
   */
  rejectLookups(error: unknown): void {
    for (const reject of [...this.#lookups]) reject(error);
  }

  async #read(key: string): Promise<RecordedCall | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<CallRecord | undefined>();
    this.#lookups.add(reject);
    this.#store.call(this.#actorId, key).then(resolve, reject);
    try {
      const record = await promise;
      if (record === undefined || record.expiresAt <= this.#clock.now()) return undefined;
      return record.outcome === undefined ? { type: "interrupted" } : decodeOutcome(record.outcome);
    } finally {
      this.#lookups.delete(reject);
    }
  }

  /** False for an actor that this instance created: the store has no earlier records. */
  get #mayBeStored(): boolean {
    return this.#storedCallsUntil > 0 && this.#clock.now() < this.#storedCallsUntil;
  }

  #mayBeEvicted(key: string): boolean {
    return key <= this.#greatestEvictedKey && this.#evictedKeys?.mayHave(key) === true;
  }

  /** The outcome of a key that is in memory. */
  cachedOutcome(key: string): CallOutcome | undefined {
    const remembered = this.#outcomes.get(key);
    return remembered !== undefined && remembered.expiresAt > this.#clock.now()
      ? decodeOutcome(remembered.bytes)
      : undefined;
  }

  /** Records the start of this call with the next commit. */
  recordStart(key: string): void {
    this.#pending.push({ key, status: "started", expiresAt: this.#clock.now() + callWindowMs });
  }

  /** Records the outcome of this call with the next commit. */
  recordOutcome(key: string, outcome: CallOutcome): void {
    const expiresAt = this.#clock.now() + callWindowMs;
    const bytes = encodeOutcome(outcome);
    this.#pending.push({ key, status: "done", outcome: bytes, expiresAt });
    this.#cache(key, bytes, expiresAt);
  }

  /** Remembers an outcome in memory only. */
  cacheOutcome(key: string, outcome: CallOutcome): void {
    this.#cache(key, encodeOutcome(outcome), this.#clock.now() + callWindowMs);
  }

  #cache(key: string, bytes: Uint8Array, expiresAt: number): void {
    const outcomes = this.#outcomes;
    outcomes.set(key, bytes, expiresAt);
    if (outcomes.count > maxRememberedCalls || outcomes.size > maxRememberedCallBytes) {
      this.#evictOldest();
    }
  }

  /** Evicts a quarter at a time, which keeps the cost per call low. */
  #evictOldest(): void {
    const now = this.#clock.now();
    const evictedKeys = this.#evictedKeys ?? new KeyFilter(callWindowMs, now);
    this.#evictedKeys = evictedKeys;
    this.#outcomes.evict(0.75 * maxRememberedCalls, 0.75 * maxRememberedCallBytes, (key) => {
      evictedKeys.add(key, now);
      if (key > this.#greatestEvictedKey) this.#greatestEvictedKey = key;
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
