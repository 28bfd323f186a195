import { Transform, type TransformCallback } from "node:stream";
import { ByteSearch } from "./byte-search.ts";
import { SecretMatcher } from "./secret-matcher.ts";
import { redactionMark, type SecretPatterns, SecretScanner } from "./secret-scanner.ts";

export { redactionMark } from "./secret-scanner.ts";

/** Shorter values would match ordinary text. */
const leastBytes = 8;

/** Every secret value that was handed out, and the forms in which it is taken out of texts and streams. */
export class KnownSecrets {
  readonly #values = new Set<string>();
  readonly #forms = new Set<string>();
  #patterns: SecretPatterns | undefined;
  #matcher: SecretMatcher | undefined;

  add(value: string): void {
    if (Buffer.byteLength(value) < leastBytes || this.#values.has(value)) return;
    this.#values.add(value);
    for (const form of formsOf(value)) this.#forms.add(form);
    this.#patterns = undefined;
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
