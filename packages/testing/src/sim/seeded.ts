import type { Random } from "@holdfast/core";

/** Seeded pseudo-random generator: sfc32 by Chris Doty-Humphrey, seeded through a hash of text. */
export class SeededRandom implements Random {
  readonly #words = new Uint32Array(4);

  constructor(seed: string) {
    this.#words.set([hash(seed, 0), hash(seed, 1), hash(seed, 2), 1]);
    for (let round = 0; round < 15; round++) this.#next();
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.#next() & 0xff;
    return bytes;
  }

  /** Number in [0, 1). */
  unit(): number {
    return this.#next() / 0x1_0000_0000;
  }

  /** Whole number from `min` to `max`, inclusive. */
  int(min: number, max: number): number {
    return min + Math.floor(this.unit() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.int(0, choices.length - 1)];
    if (choice === undefined) throw new RangeError("There is nothing to choose from");
    return choice;
  }

  /** Number up to `max`, mostly near zero, like delays. */
  skewed(max: number): number {
    return Math.floor(max * this.unit() ** 4);
  }

  #next(): number {
    const words = this.#words;
    const [a = 0, b = 0, c = 0, counter = 0] = words;
    const sum = (a + b + counter) | 0;
    words[3] = counter + 1;
    words[0] = b ^ (b >>> 9);
    words[1] = c + (c << 3);
    words[2] = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }
}

/** FNV-1a over the code units of `text`, with a different offset for each `lane`. */
function hash(text: string, lane: number): number {
  let value = (0x811c9dc5 ^ Math.imul(lane, 0x9e3779b1)) >>> 0;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return value;
}
