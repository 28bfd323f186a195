/** Log files of a server: one a day, each kept for a week. */
import { appendFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@holdfast/core";

const keptDays = 7;
const dayMs = 86_400_000;
const namePattern = /^sandbox-(\d{4}-\d{2}-\d{2})\.log$/;

/**
 * Appends lines to `sandbox-YYYY-MM-DD.log` (UTC) in a directory, which is created with mode 0700. With the first line of a day, the
 * files of days that are longer ago than a week are removed; other files stay.
 */
export class LogFiles {
  readonly #directory: string;
  readonly #now: () => number;
  readonly #onFailure: (reason: string) => void;
  #day = "";
  #failed = false;

  /** Throws when the directory cannot be created. */
  constructor(directory: string, onFailure: (reason: string) => void, now: () => number = Date.now) {
    this.#directory = directory;
    this.#onFailure = onFailure;
    this.#now = now;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** A line that cannot be written is reported once, until one can be written again. Never throws. */
  write(line: string): void {
    const now = this.#now();
    const day = dayOf(now);
    try {
      if (day !== this.#day) this.#begin(day, now);
      appendFileSync(join(this.#directory, `sandbox-${day}.log`), `${line}\n`, { mode: 0o600 });
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#onFailure(messageOf(error));
      this.#failed = true;
    }
  }

  #begin(day: string, now: number): void {
    this.#day = day;
    const oldest = dayOf(now - keptDays * dayMs);
    for (const name of readdirSync(this.#directory)) {
      const written = namePattern.exec(name)?.[1];
      if (written !== undefined && written < oldest) rmSync(join(this.#directory, name), { force: true });
    }
  }
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
