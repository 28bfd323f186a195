import type { ByteSearch } from "./byte-search.ts";
import type { SecretMatcher } from "./secret-matcher.ts";

/** Replaces a secret in redacted text. */
export const redactionMark = "[redacted]";

const mark = Buffer.from(redactionMark);
const nothing = Buffer.alloc(0);

/** The patterns to redact. */
export interface SecretPatterns {
  /** Fast check whether a chunk contains any pattern. */
  readonly search: ByteSearch;
  /** Finds the patterns in bytes decoded as Latin-1, where a character is a byte. */
  readonly matcher: SecretMatcher;
}

/**
 * Redacts secrets in a stream of chunks. It holds back the end of a chunk that may begin a secret, so the output does not
 * depend on where the chunks were cut. Secrets that touch or overlap become one mark.
 */
export class SecretScanner {
  readonly #patterns: SecretPatterns;
  #held: Buffer = nothing;
  /** Number of held bytes that belong to a secret whose mark was already written. */
  #covered = 0;
  /** Whether the output ends with a mark. */
  #marked = false;

  constructor(patterns: SecretPatterns) {
    this.#patterns = patterns;
  }

  push(chunk: Buffer): Buffer {
    const { search } = this.#patterns;
    const all = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const end = all.length - search.unfinishedIn(all);
    const clean = this.#covered > 0 || search.anyIn(all) ? this.#redact(all, end) : this.#unchanged(all, end);
    // Copied: a view would retain the whole chunk in memory.
    this.#held = end === all.length ? nothing : Buffer.from(all.subarray(end));
    return clean;
  }

  /** Redacts and returns the held bytes, at the end of the stream. */
  flush(): Buffer {
    const rest = this.#held;
    this.#held = nothing;
    return this.#redact(rest, rest.length);
  }

  #unchanged(all: Buffer, end: number): Buffer {
    if (end > 0) this.#marked = false;
    return end === all.length ? all : all.subarray(0, end);
  }

  /** Redacts the bytes before `end`; the last secret may extend beyond it. */
  #redact(all: Buffer, end: number): Buffer {
    const parts: Buffer[] = [];
    let from = this.#covered;
    for (const span of this.#patterns.matcher.find(all.toString("latin1"))) {
      if (span.start >= end) break;
      // A secret that touches one whose mark was written shares that mark.
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
