import type { ByteSearch } from "./byte-search.ts";
import type { SecretMatcher } from "./secret-matcher.ts";

/** What stands where a secret was. */
export const redactionMark = "[redacted]";

const mark = Buffer.from(redactionMark);
const nothing = Buffer.alloc(0);

/** The bytes that are looked for. */
export interface SecretPatterns {
  /** Tells quickly whether there is anything to look at. */
  readonly search: ByteSearch;
  /** Finds them in bytes that were read as Latin-1, where a character is a byte. */
  readonly matcher: SecretMatcher;
}

/**
 * Gives what it is given, less the secrets, a little later: the end of a chunk may begin one. What comes out
 * is the same wherever the chunks were cut, also where one secret begins or overlaps another: those that
 * touch are one mark.
 */
export class SecretScanner {
  readonly #patterns: SecretPatterns;
  #held: Buffer = nothing;
  /** Bytes at the beginning of what is held that belong to a secret whose mark is out. */
  #covered = 0;
  /** The last that came out is a mark. */
  #marked = false;

  constructor(patterns: SecretPatterns) {
    this.#patterns = patterns;
  }

  push(chunk: Buffer): Buffer {
    const { search } = this.#patterns;
    const all = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const end = all.length - search.unfinishedIn(all);
    const clean = this.#covered > 0 || search.anyIn(all) ? this.#without(all, end) : this.#asIs(all, end);
    // A copy, since what is held would keep the whole chunk in memory.
    this.#held = end === all.length ? nothing : Buffer.from(all.subarray(end));
    return clean;
  }

  /** The rest. */
  flush(): Buffer {
    const rest = this.#held;
    this.#held = nothing;
    return this.#without(rest, rest.length);
  }

  #asIs(all: Buffer, end: number): Buffer {
    if (end > 0) this.#marked = false;
    return end === all.length ? all : all.subarray(0, end);
  }

  /** What is before `end`, less the secrets, of which the last may go on after it. */
  #without(all: Buffer, end: number): Buffer {
    const parts: Buffer[] = [];
    let from = this.#covered;
    for (const span of this.#patterns.matcher.find(all.toString("latin1"))) {
      if (span.start >= end) break;
      // What touches a secret whose mark is out is part of it.
      if (span.start > from || !this.#marked) {
        parts.push(all.subarray(from, span.start), mark);
        this.#marked = true;
      }
      from = Math.max(from, span.end);
    }
    if (from < end) {
      parts.push(all.subarray(from, end));
      this.#marked = false;
    }
    this.#covered = Math.max(0, from - end);
    return parts.length === 0 ? nothing : Buffer.concat(parts);
  }
}
