import type { KvEntry } from "@holdfast/actors";

/** Ordered map of byte strings for small stores: a sorted array with binary search. */
export class SortedBytes {
  readonly #entries: KvEntry[] = [];

  get(key: Uint8Array): Uint8Array | undefined {
    const entry = this.#entries[this.#lowerBound(key)];
    return entry !== undefined && compareBytes(entry.key, key) === 0 ? entry.value : undefined;
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const at = this.#lowerBound(key);
    this.#entries.splice(at, this.#has(at, key) ? 1 : 0, { key, value });
  }

  delete(key: Uint8Array): void {
    const at = this.#lowerBound(key);
    if (this.#has(at, key)) this.#entries.splice(at, 1);
  }

  /** Copies the entries with `start <= key < end`. */
  range(start: Uint8Array, end: Uint8Array | undefined): KvEntry[] {
    return this.#entries.slice(
      this.#lowerBound(start),
      end === undefined ? undefined : this.#lowerBound(end),
    );
  }

  #has(at: number, key: Uint8Array): boolean {
    const entry = this.#entries[at];
    return entry !== undefined && compareBytes(entry.key, key) === 0;
  }

  /** Index of the first entry whose key is not less than `key`. */
  #lowerBound(key: Uint8Array): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && compareBytes(entry.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Compares unsigned bytes; a prefix sorts first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}
