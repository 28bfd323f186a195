import { LazyMap } from "../util/lazy.ts";

/** A remembered outcome. */
export interface CachedOutcome {
  /** Must be read immediately: later outcomes may overwrite the buffer. */
  readonly bytes: Uint8Array;
  readonly expiresAt: number;
}

/** Up to this number, outcomes take less memory in a map than in columns. */
const maxMapSize = 8;

const initialBytes = 64;

/**
 * Cache of the outcomes of recent keyed calls of one actor. From a certain number on, keys in ascending order (keys
 * usually start with their time) are stored in columns, with the outcomes in one buffer: an object and a `Uint8Array`
 * per outcome would dominate the work of the garbage collector. Other keys are stored in a map.
 */
export class OutcomeCache {
  #columns: Columns | undefined;
  readonly #unordered = new LazyMap<string, CachedOutcome>();
  #unorderedBytes = 0;

  get count(): number {
    return (this.#columns?.count ?? 0) + this.#unordered.size;
  }

  /** Total size of the outcomes in bytes. */
  get size(): number {
    return (this.#columns?.size ?? 0) + this.#unorderedBytes;
  }

  get(key: string): CachedOutcome | undefined {
    return this.#unordered.get(key) ?? this.#columns?.get(key);
  }

  set(key: string, bytes: Uint8Array, expiresAt: number): void {
    if (this.#columns === undefined && this.#unordered.size >= maxMapSize) this.#columns = new Columns();
    if (this.#columns?.isNew(key) === true && !this.#unordered.has(key)) {
      this.#columns.push(key, bytes, expiresAt);
      return;
    }
    this.#unorderedBytes += bytes.length - (this.#unordered.get(key)?.bytes.length ?? 0);
    this.#unordered.set(key, { bytes, expiresAt });
  }

  /** Evicts the oldest outcomes until count and size are within the limits; calls `forgotten` for each. */
  evict(maxCount: number, maxBytes: number, forgotten: (key: string) => void): void {
    const columns = this.#columns ?? new Columns();
    /** Number of column entries to evict. */
    let evicted = 0;
    const fits = (): boolean =>
      this.count - evicted <= maxCount && this.size - columns.endOf(evicted) <= maxBytes;
    const dropBefore = (expiresAt: number): void => {
      for (; evicted < columns.count && columns.expiryOf(evicted) < expiresAt && !fits(); evicted++) {
        forgotten(columns.keyOf(evicted));
      }
    };
    for (const [key, { bytes, expiresAt }] of this.#unordered) {
      dropBefore(expiresAt);
      if (fits()) break;
      this.#unordered.delete(key);
      this.#unorderedBytes -= bytes.length;
      forgotten(key);
    }
    dropBefore(Number.POSITIVE_INFINITY);
    columns.drop(evicted);
  }
}

/** Outcomes whose keys arrived in ascending order: a key greater than the last one is new. */
class Columns {
  #keys: string[] = [];
  #expiries: number[] = [];
  /** End offset of each outcome, which is the start of the next one. */
  #ends: number[] = [];
  #bytes = new Uint8Array(initialBytes);

  get count(): number {
    return this.#keys.length;
  }

  get size(): number {
    return this.endOf(this.#keys.length);
  }

  keyOf(at: number): string {
    return this.#keys[at] ?? "";
  }

  expiryOf(at: number): number {
    return this.#expiries[at] ?? 0;
  }

  /** End offset of the first `count` outcomes. */
  endOf(count: number): number {
    return count === 0 ? 0 : (this.#ends[count - 1] ?? 0);
  }

  isNew(key: string): boolean {
    const { length } = this.#keys;
    return length === 0 || key > this.keyOf(length - 1);
  }

  get(key: string): CachedOutcome | undefined {
    if (this.isNew(key)) return undefined;
    let low = 0;
    let high = this.#keys.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.keyOf(middle) < key) low = middle + 1;
      else high = middle;
    }
    if (this.keyOf(low) !== key) return undefined;
    const bytes = this.#bytes.subarray(this.endOf(low), this.endOf(low + 1));
    return { bytes, expiresAt: this.expiryOf(low) };
  }

  push(key: string, bytes: Uint8Array, expiresAt: number): void {
    const begin = this.size;
    const end = begin + bytes.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, begin);
    this.#keys.push(key);
    this.#expiries.push(expiresAt);
    this.#ends.push(end);
  }

  /** Removes the first `count` outcomes. */
  drop(count: number): void {
    if (count === 0) return;
    const begin = this.endOf(count);
    this.#bytes.copyWithin(0, begin, this.size);
    this.#keys = this.#keys.slice(count);
    this.#expiries = this.#expiries.slice(count);
    this.#ends = this.#ends.slice(count).map((end) => end - begin);
  }
}
