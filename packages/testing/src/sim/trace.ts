import { createHash } from "node:crypto";

/** What happened, in order: all of it as a hash, the last of it as text. */
export class Trace {
  readonly #hash = createHash("sha256");
  readonly #lines: string[] = [];
  readonly #keep: number;
  /** How many lines there were. */
  length = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  add(line: string): void {
    this.#hash.update(line).update("\n");
    this.length++;
    this.#lines.push(line);
    // In large steps, so that a long run does not move the whole list for each line.
    if (this.#lines.length > 2 * this.#keep) this.#lines.splice(0, this.#keep);
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines.slice(-this.#keep);
  }

  /** Of all lines so far; the trace takes no more after it. */
  digest(): string {
    return this.#hash.digest("hex").slice(0, 16);
  }
}
