/**
 * Splits a byte stream into lines with bounded memory. A line longer than `maxBytes` is dropped up to its newline and
 * reported once, with its beginning.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  readonly #onOverflow: (head: string) => void;
  #chunks: Buffer[] = [];
  #size = 0;
  #skipping = false;

  constructor(maxBytes: number, onLine: (line: string) => void, onOverflow: (head: string) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onOverflow = onOverflow;
  }

  push(bytes: Buffer): void {
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(10, start);
      if (end === -1) break;
      this.#keep(bytes.subarray(start, end));
      this.#finish();
      start = end + 1;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
  }

  /** Returns the incomplete last line, if any. */
  end(): string | undefined {
    if (this.#skipping || this.#size === 0) return undefined;
    return this.#take();
  }

  #keep(part: Buffer): void {
    if (this.#skipping || part.length === 0) return;
    if (this.#size + part.length > this.#maxBytes) {
      this.#skipping = true;
      const head = Buffer.concat([...this.#chunks, part].slice(0, 2)).toString("utf8", 0, 200);
      this.#chunks = [];
      this.#size = 0;
      this.#onOverflow(head);
      return;
    }
    this.#chunks.push(part);
    this.#size += part.length;
  }

  #finish(): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    const line = this.#take();
    if (line.trim() !== "") this.#onLine(line);
  }

  #take(): string {
    const [first, second] = this.#chunks;
    // Nearly every line arrives in one chunk.
    const bytes = first && !second ? first : Buffer.concat(this.#chunks, this.#size);
    const line = bytes.toString("utf8");
    this.#chunks = [];
    this.#size = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}

/**
 * Makes a message one line, as ACP on stdio requires. Agents that use Node's readline also end a line at
 * U+2028 and U+2029; in JSON both occur only in strings, where an escape is equivalent.
 */
export function toSingleLine(raw: string): string {
  if (!/[\r\n\u2028\u2029]/.test(raw)) return raw;
  return raw
    .replaceAll(/[\r\n]+/g, " ")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}
