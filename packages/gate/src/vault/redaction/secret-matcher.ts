import { minAsciiLength, toAscii } from "./ascii.ts";

/** A part of a text: from `start` up to but not including `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const windowLength = 8;
const blockLength = 4;
/** The largest shift. */
const maxShift = windowLength - blockLength + 1;

/**
 * Searches for many texts of at least eight characters in one pass (Wu and Manber, 1994). Most steps read four
 * characters and skip five, whatever the number of texts.
 */
export class SecretMatcher {
  readonly #shifts: Uint8Array;
  /** A bit for each hash with a shift below the largest: an eighth of the table, so that it stays in the cache. */
  readonly #near: Uint8Array;
  /** Number of low bits of a hash that are dropped. */
  readonly #drop: number;
  /** Texts by the hash of their first window, longest first. */
  readonly #byWindow = new Map<number, string[]>();
  readonly longest: number;

  /** Ignores texts shorter than eight characters. */
  constructor(texts: Iterable<string>) {
    const all = [...texts].filter((each) => each.length >= windowLength);
    all.sort((a, b) => b.length - a.length);
    this.longest = all[0]?.length ?? 0;
    // Sparse enough that most shifts are the largest, small enough for the processor's cache.
    const bits = Math.min(19, Math.max(12, Math.ceil(Math.log2(all.length * maxShift * 8 + 1))));
    this.#drop = 32 - bits;
    this.#shifts = new Uint8Array(1 << bits).fill(maxShift);
    this.#near = new Uint8Array(this.#shifts.length >>> 3);
    for (const each of all) {
      for (let at = 0; at < maxShift; at++) {
        const hash = blockHash(each, at) >>> this.#drop;
        this.#shifts[hash] = Math.min(this.#shifts[hash] ?? maxShift, maxShift - 1 - at);
        this.#near[hash >>> 3] = (this.#near[hash >>> 3] ?? 0) | (1 << (hash & 7));
      }
      const key = windowKey(each, 0);
      const same = this.#byWindow.get(key);
      if (same === undefined) this.#byWindow.set(key, [each]);
      else same.push(each);
    }
  }

  /** Spans of all occurrences, in order; spans that touch or overlap are merged. */
  find(text: string): Span[] {
    const spans: { start: number; end: number }[] = [];
    if (this.longest === 0) return spans;
    const ascii = text.length < minAsciiLength ? undefined : toAscii(text);
    for (let at = 0; ; at += 1) {
      at = ascii === undefined ? this.#nextIn(text, at) : this.#nextInAscii(ascii.view, text.length, at);
      if (at < 0) return spans;
      const found = this.#byWindow.get(windowKey(text, at))?.find((each) => text.startsWith(each, at));
      if (found === undefined) continue;
      const before = spans.at(-1);
      if (before !== undefined && at <= before.end) before.end = Math.max(before.end, at + found.length);
      else spans.push({ start: at, end: at + found.length });
    }
  }

  /** The next position at or after `from` where a text may begin; -1 when there is none. */
  #nextIn(text: string, from: number): number {
    const last = text.length - windowLength;
    const [shifts, drop] = [this.#shifts, this.#drop];
    for (let at = from; at <= last; ) {
      const shift = shifts[blockHash(text, at + maxShift - 1) >>> drop] ?? 0;
      if (shift === 0) return at;
      at += shift;
    }
    return -1;
  }

  /** As `#nextIn`, for bytes, where one load reads four characters. */
  #nextInAscii(view: DataView, length: number, from: number): number {
    const last = length - windowLength;
    const [shifts, near, drop] = [this.#shifts, this.#near, this.#drop];
    for (let at = from; at <= last; ) {
      const hash = mixed(view.getUint32(at + maxShift - 1, true)) >>> drop;
      if ((((near[hash >>> 3] ?? 0) >>> (hash & 7)) & 1) === 0) {
        at += maxShift;
        continue;
      }
      const shift = shifts[hash] ?? 0;
      if (shift === 0) return at;
      at += shift;
    }
    return -1;
  }
}

function blockHash(text: string, at: number): number {
  const block =
    text.charCodeAt(at) ^
    (text.charCodeAt(at + 1) << 8) ^
    (text.charCodeAt(at + 2) << 16) ^
    (text.charCodeAt(at + 3) << 24);
  return mixed(block);
}

function mixed(block: number): number {
  return Math.imul(block, 0x9e3779b1);
}

function windowKey(text: string, at: number): number {
  let key = 0;
  for (let index = at; index < at + windowLength; index++) {
    key = (Math.imul(key, 31) + text.charCodeAt(index)) | 0;
  }
  return key;
}
