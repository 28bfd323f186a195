import { Transform, type TransformCallback } from "node:stream";
import { ByteSearch } from "./byte-search.ts";
import { SecretMatcher } from "./secret-matcher.ts";

/** Shorter values would match ordinary text. */
const leastBytes = 8;
const nothing = Buffer.alloc(0);
/** What stands where a secret was. */
export const redactionMark = "[redacted]";

/** Every secret value that was handed out, and the forms in which it is taken out of texts and streams. */
export class KnownSecrets {
  readonly #values = new Set<string>();
  readonly #forms = new Set<string>();
  #patterns: readonly Buffer[] | undefined;
  #search: ByteSearch | undefined;
  #matcher: SecretMatcher | undefined;

  add(value: string): void {
    if (Buffer.byteLength(value) < leastBytes || this.#values.has(value)) return;
    this.#values.add(value);
    for (const form of formsOf(value)) this.#forms.add(form);
    this.#patterns = undefined;
    this.#search = undefined;
    this.#matcher = undefined;
  }

  /** Finds every form of every value. A new one is made when a value was added. */
  get matcher(): SecretMatcher {
    this.#matcher ??= new SecretMatcher(this.#forms);
    return this.#matcher;
  }

  redact(text: string): string {
    let [result, from] = ["", 0];
    for (const { start, end } of this.matcher.find(text)) {
      result += text.slice(from, start) + redactionMark;
      from = end;
    }
    return from === 0 ? text : result + text.slice(from);
  }

  /** Takes the values out of a stream of bytes, also where a chunk boundary cuts one. */
  filter(): Transform {
    return new SecretFilter(this.scanner());
  }

  /** The same without a stream around it. */
  scanner(): SecretScanner {
    // Longer forms first, so that no form is left half replaced by a shorter one inside it.
    this.#patterns ??= [...this.#forms].sort((a, b) => b.length - a.length).map((form) => Buffer.from(form));
    this.#search ??= new ByteSearch(this.#patterns);
    return new SecretScanner(this.#patterns, this.#search);
  }
}

/** As is, JSON-escaped, URL-encoded, hex, reversed, and in base64 at the three alignments. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    [...value].reverse().join(""),
  ];
  for (let shift = 0; shift < 3; shift++) {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    for (const encoding of ["base64", "base64url"] as const) {
      const encoded = shifted.toString(encoding).replace(/=+$/, "");
      // Characters at both ends also depend on the bytes around the value.
      const from = shift === 0 ? 0 : shift + 1;
      const to = encoded.length - (shifted.length % 3 === 0 ? 0 : 1);
      forms.push(encoded.slice(from, to));
    }
  }
  return forms.filter((form) => form.length >= leastBytes);
}

class SecretFilter extends Transform {
  readonly #scanner: SecretScanner;

  constructor(scanner: SecretScanner) {
    super();
    this.#scanner = scanner;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    done(null, this.#scanner.push(chunk));
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#scanner.flush());
  }
}

/** Gives what it is given, less the secrets, a little later: the end of a chunk may begin one. */
export class SecretScanner {
  readonly #patterns: readonly Buffer[];
  readonly #search: ByteSearch;
  #held: Buffer = nothing;

  constructor(patterns: readonly Buffer[], search: ByteSearch) {
    this.#patterns = patterns;
    this.#search = search;
  }

  push(chunk: Buffer): Buffer {
    const all = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const data = this.#search.anyIn(all) ? replaceAll(all, this.#patterns) : all;
    const keep = this.#search.unfinishedIn(data);
    if (keep === 0) {
      this.#held = nothing;
      return data;
    }
    // A copy, since what is held would keep the whole chunk in memory.
    this.#held = Buffer.from(data.subarray(data.length - keep));
    return data.subarray(0, data.length - keep);
  }

  flush(): Buffer {
    return this.#held;
  }
}

function replaceAll(data: Buffer, patterns: readonly Buffer[]): Buffer {
  let result = data;
  for (const pattern of patterns) {
    if (result.indexOf(pattern) < 0) continue;
    const parts: Buffer[] = [];
    let from = 0;
    for (let at = result.indexOf(pattern); at >= 0; at = result.indexOf(pattern, from)) {
      parts.push(result.subarray(from, at), Buffer.from(redactionMark));
      from = at + pattern.length;
    }
    parts.push(result.subarray(from));
    result = Buffer.concat(parts);
  }
  return result;
}
