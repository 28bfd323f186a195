import { createHash } from "node:crypto";

/** Trace of a run: a hash of all lines, and the last lines as text. */
export class Trace {
  readonly #hash = createHash("sha256");
  readonly #lines: string[] = [];
  readonly #keptLines: number;
  /** Number of lines so far. */
  length = 0;

  constructor(keep: number) {
    this.#keptLines = keep;
  }

  add(line: string): void {
    this.#hash.update(line).update("\n");
    this.length++;
    this.#lines.push(line);
    // Trimmed in large steps, so that a long run does not move the list for each line.
    if (this.#lines.length > 2 * this.#keptLines) this.#lines.splice(0, this.#keptLines);
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines.slice(-this.#keptLines);
  }

  /** Hash of all lines. The trace cannot be extended afterwards. */
  digest(): string {
    return this.#hash.digest("hex").slice(0, 16);
  }
}
