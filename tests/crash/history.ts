import { appendFileSync, existsSync, readFileSync } from "node:fs";

/**
 * Log of a process that will be killed. Each line is one write to a file that outlives the process, so entries are
 * ordered.
 */
export class HistoryWriter {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  write(...words: readonly (string | number)[]): void {
    appendFileSync(this.#file, `${words.join(" ")}\n`);
  }
}

/** The complete lines of a history, each split into its words. */
export function readHistory(file: string): string[][] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  lines.pop();
  return lines.map((line) => line.split(" "));
}
