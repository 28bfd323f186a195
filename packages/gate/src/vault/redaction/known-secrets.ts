/** Finds secrets in every encoding and removes them from texts and streams. */
import { Transform, type TransformCallback } from "node:stream";
import { ByteSearch } from "./byte-search.ts";
import { encodedForms } from "./secret-forms.ts";
import { SecretMatcher } from "./secret-matcher.ts";
import { redactionMark, type SecretPatterns, SecretScanner } from "./secret-scanner.ts";

export { redactionMark } from "./secret-scanner.ts";

/** Shorter values would match ordinary text. */
const minBytes = 8;

/**
 * The secret values that the vault has handed out, in every encoding. Removes them from texts and streams. Reads no files
 * and opens no connections.
 */
export class KnownSecrets {
  readonly #values = new Set<string>();
  readonly #forms = new Set<string>();
  #patterns: SecretPatterns | undefined;
  #matcher: SecretMatcher | undefined;

  add(value: string): void {
    if (Buffer.byteLength(value) < minBytes || this.#values.has(value)) return;
    this.#values.add(value);
    for (const form of encodedForms(value)) if (form.length >= minBytes) this.#forms.add(form);
    this.#patterns = undefined;
    this.#matcher = undefined;
  }

  /** Finds every form of every value. Replaced when a value is added. */
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

  /** Stream that redacts the values, also across chunk boundaries. */
  filter(): Transform {
    return new SecretFilter(this.scanner());
  }

  /** The same as a function of chunks, without a stream. */
  scanner(): SecretScanner {
    this.#patterns ??= patternsOf(this.#forms);
    return new SecretScanner(this.#patterns);
  }
}

function patternsOf(forms: ReadonlySet<string>): SecretPatterns {
  const bytes = [...forms].map((form) => Buffer.from(form));
  return {
    search: new ByteSearch(bytes),
    matcher: new SecretMatcher(bytes.map((pattern) => pattern.toString("latin1"))),
  };
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
