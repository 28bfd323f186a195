/** Bits of one generation, a power of two: 128 KiB. About 1 % false positives at 100,000 keys. */
const bits = 1_048_576;
const probes = 4;

/**
 * Remembers keys in a fixed amount of memory (a Bloom filter in two generations): it never forgets a
 * key within `windowMs`, and sometimes takes one for known that is not. When it is full it takes every
 * key for known, so its user has to have another source of truth.
 */
export class KeyFilter {
  readonly #windowMs: number;
  #current = new Uint8Array(bits / 8);
  #previous: Uint8Array | undefined;
  #since: number;

  constructor(windowMs: number, now: number) {
    this.#windowMs = windowMs;
    this.#since = now;
  }

  add(key: string, now: number): void {
    if (now - this.#since >= this.#windowMs) {
      this.#previous = this.#current;
      this.#current = new Uint8Array(bits / 8);
      this.#since = now;
    }
    for (const at of positions(key)) this.#current[at >> 3] = (this.#current[at >> 3] ?? 0) | (1 << (at & 7));
  }

  mayHave(key: string): boolean {
    const at = positions(key);
    return covers(this.#current, at) || (this.#previous !== undefined && covers(this.#previous, at));
  }
}

function covers(generation: Uint8Array, at: readonly number[]): boolean {
  return at.every((position) => ((generation[position >> 3] ?? 0) & (1 << (position & 7))) !== 0);
}

/** Double hashing of two FNV-1a variants. */
function positions(key: string): number[] {
  let first = 0x811c9dc5;
  let second = 0x1b873593;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    first = Math.imul(first ^ code, 0x01000193);
    second = Math.imul(second ^ code, 0x85ebca6b);
  }
  // The last characters of a key must reach the low bits too.
  first ^= first >>> 15;
  second = (second ^ (second >>> 13)) | 1;
  const at: number[] = [];
  for (let i = 0; i < probes; i++) at.push((first + Math.imul(i, second)) & (bits - 1));
  return at;
}
