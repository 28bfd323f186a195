/** The last lines that an agent wrote to its standard error, bounded by lines and bytes. */
export class StderrTail {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  #text = "";

  constructor(maxLines: number, maxBytes: number) {
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
  }

  push(bytes: Buffer): void {
    this.#text = (this.#text + bytes.toString("utf8")).slice(-this.#maxBytes);
  }

  toString(): string {
    return this.#text.trimEnd().split("\n").slice(-this.#maxLines).join("\n");
  }
}
