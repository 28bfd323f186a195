import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "@holdfast/core";
import { isRecord } from "../http/problem.ts";

/** Numbers reserved by one write. A killed server leaves a gap of at most this size. */
const reservationSize = 100;

/**
 * Sequence of process ids, shared by all servers of a data directory, so that an old id never refers to a new process.
 * Numbers are reserved on disk before they are used. Without a file, each server starts at 1.
 */
export class ProcessIds {
  readonly #path: string | undefined;
  readonly #log: Logger;
  #last: number;
  /** Highest reserved number. Later servers start after it. */
  #reserved: number;
  #writing: Promise<void> = Promise.resolve();

  /** Continues after the numbers in the file at `path`. */
  constructor(path: string | undefined, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#last = path === undefined ? 0 : readLast(path, log);
    this.#reserved = this.#last;
  }

  /** Skips all numbers up to `number`, which is in use. */
  skipTo(number: number): void {
    this.#last = Math.max(this.#last, number);
  }

  /** Returns the next id, in call order. */
  async next(): Promise<string> {
    this.#last += 1;
    const number = this.#last;
    if (number > this.#reserved) {
      this.#reserved = number + reservationSize - 1;
      this.#write(this.#reserved);
    }
    await this.#writing;
    return `proc_${number}`;
  }

  /** Releases the unused reserved numbers, so that the next server leaves no gap. */
  async close(): Promise<void> {
    if (this.#reserved > this.#last) {
      this.#reserved = this.#last;
      this.#write(this.#last);
    }
    await this.#writing;
  }

  #write(last: number): void {
    const path = this.#path;
    if (path === undefined) return;
    // Serialize the writes: an earlier one must not overwrite a later one.
    this.#writing = this.#writing.then(() =>
      replaceFile(path, JSON.stringify({ version: 1, last }), this.#log),
    );
  }
}

/**
 * Replaces a file durably, so that it survives a power failure. Never rejects, because processes can start without it.
 */
async function replaceFile(path: string, text: string, log: Logger): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    const directory = await open(dirname(path), "r");
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    log.warn("process ids could not be reserved; a later server may reuse them", {
      cause: String(error),
    });
  }
}

function readLast(path: string, log: Logger): number {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isRecord(error) && error.code === "ENOENT") return 0;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value) && value.version === 1 && Number.isSafeInteger(value.last)) return Number(value.last);
  } catch {
    // Handled below, as any content that this version does not know.
  }
  log.warn("the file of process ids is unreadable; ids start at proc_1 again", { path });
  return 0;
}
