/** Bits of one generation, a power of two: 128 KiB. About 1 % false positives at 100,000 keys. */
const bits = 1_048_576;
const probes = 4;

/**
 * Remembers keys in fixed memory (a Bloom filter with two generations): no false negatives within `windowMs`, and few
 * false positives. When it is full, every key is a positive, so the user needs another source of truth.
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
    const { first, step } = hash(key);
    const current = this.#current;
    for (let i = 0, at = first; i < probes; i++, at += step) {
      const position = at & (bits - 1);
      current[position >> 3] = (current[position >> 3] ?? 0) | (1 << (position & 7));
    }
  }

  mayHave(key: string): boolean {
    const hashes = hash(key);
    return covers(this.#current, hashes) || (this.#previous !== undefined && covers(this.#previous, hashes));
  }
}

interface Hash {
  readonly first: number;
  readonly step: number;
}

function covers(generation: Uint8Array, { first, step }: Hash): boolean {
  for (let i = 0, at = first; i < probes; i++, at += step) {
    const position = at & (bits - 1);
    if (((generation[position >> 3] ?? 0) & (1 << (position & 7))) === 0) return false;
  }
  return true;
}

/** Double hashing of two FNV-1a variants. */
function hash(key: string): Hash {
  let first = 0x811c9dc5;
  let second = 0x1b873593;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    first = Math.imul(first ^ code, 0x01000193);
    second = Math.imul(second ^ code, 0x85ebca6b);
  }
  // The last characters of a key have to affect the low bits, too.
  return { first: first ^ (first >>> 15), step: (second ^ (second >>> 13)) | 1 };
}
