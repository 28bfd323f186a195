import { LazyMap } from "./lazy.ts";

/** What is remembered of a key. */
export interface RememberedOutcome {
  /** To be read at once: what is remembered later may be written over it. */
  readonly bytes: Uint8Array;
  readonly expiresAt: number;
}

const firstRoomBytes = 64;

/**
 * The outcomes of the last keyed calls of one actor. Keys that begin with their time come in order: those
 * are kept in columns, with their outcomes behind each other in one piece of bytes, where an object and a
 * `Uint8Array` for each would be most of what the collector of garbage has to carry about. The newest one
 * tells that a key is new. Keys in another order have a map.
 */
export class OutcomeMemory {
  /** Ascending, and in the order of their expiry. */
  #keys: string[] = [];
  #expiries: number[] = [];
  /** Where the outcome of each key ends, which is where that of the next one begins. */
  #ends: number[] = [];
  #bytes = new Uint8Array(firstRoomBytes);
  readonly #others = new LazyMap<string, RememberedOutcome>();
  #othersBytes = 0;

  get count(): number {
    return this.#keys.length + this.#others.size;
  }

  /** Bytes of all outcomes. */
  get size(): number {
    return this.#endOf(this.#keys.length) + this.#othersBytes;
  }

  /** Where the outcomes of the first `count` keys end. */
  #endOf(count: number): number {
    return count === 0 ? 0 : (this.#ends[count - 1] ?? 0);
  }

  get(key: string): RememberedOutcome | undefined {
    const other = this.#others.get(key);
    if (other !== undefined) return other;
    const at = this.#isNew(key) ? -1 : this.#find(key);
    if (at < 0) return undefined;
    return {
      bytes: this.#bytes.subarray(this.#endOf(at), this.#ends[at]),
      expiresAt: this.#expiries[at] ?? 0,
    };
  }

  #isNew(key: string): boolean {
    const { length } = this.#keys;
    return length === 0 || key > (this.#keys[length - 1] ?? "");
  }

  #find(key: string): number {
    let low = 0;
    let high = this.#keys.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.#keys[middle] ?? "";
      if (found === key) return middle;
      if (found < key) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  set(key: string, bytes: Uint8Array, expiresAt: number): void {
    if (!this.#isNew(key)) {
      this.#othersBytes += bytes.length - (this.#others.get(key)?.bytes.length ?? 0);
      this.#others.set(key, { bytes, expiresAt });
      return;
    }
    const begin = this.#endOf(this.#keys.length);
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

  /** Forgets the oldest until no more are left than so many with so many bytes; `forgotten` hears of each. */
  shrink(maxCount: number, maxBytes: number, forgotten: (key: string) => void): void {
    /** How many of the columns go. */
    let gone = 0;
    const fits = (): boolean => this.count - gone <= maxCount && this.size - this.#endOf(gone) <= maxBytes;
    const dropUntil = (expiresAt: number): void => {
      for (; gone < this.#keys.length && (this.#expiries[gone] ?? 0) <= expiresAt && !fits(); gone++) {
        forgotten(this.#keys[gone] ?? "");
      }
    };
    for (const [key, { bytes, expiresAt }] of this.#others) {
      dropUntil(expiresAt);
      if (fits()) break;
      this.#others.delete(key);
      this.#othersBytes -= bytes.length;
      forgotten(key);
    }
    dropUntil(Number.POSITIVE_INFINITY);
    this.#drop(gone);
  }

  #drop(count: number): void {
    if (count === 0) return;
    const begin = this.#endOf(count);
    this.#bytes.copyWithin(0, begin, this.#endOf(this.#keys.length));
    this.#keys = this.#keys.slice(count);
    this.#expiries = this.#expiries.slice(count);
    this.#ends = this.#ends.slice(count).map((end) => end - begin);
  }
}
