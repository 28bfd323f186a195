/** The last lines that an agent wrote to its standard error, bounded by lines and bytes. */
export class StderrTail {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  #tail: Buffer = Buffer.alloc(0);

  constructor(maxLines: number, maxBytes: number) {
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
  }

  push(bytes: Buffer): void {
    const combined = Buffer.concat([this.#tail, bytes]);
    this.#tail = combined.subarray(Math.max(0, combined.length - this.#maxBytes));
  }

  toString(): string {
    if (this.#tail.length === 0) return "";
    return this.#text().trimEnd().split("\n").slice(-this.#maxLines).join("\n");
  }

  /** The tail without a partial UTF-8 character at its beginning. */
  #text(): string {
    let start = 0;
    while (start < 3 && ((this.#tail[start] ?? 0) & 0xc0) === 0x80) start += 1;
    return this.#tail.toString("utf8", start);
  }
}
