import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "@holdfast/core";
import { isRecord } from "../http/problem.ts";

/** Numbers reserved by one write: a killed server leaves a gap of at most so many. */
const reservedAtOnce = 100;

/**
 * Numbers of process ids, counted up over all servers of a data directory: an id of an earlier server never
 * means another process. Numbers are reserved on disk before they are given out. Without a file the count
 * begins anew with each server.
 */
export class ProcessIds {
  readonly #path: string | undefined;
  readonly #log: Logger;
  #last: number;
  /** The highest number that a later server will not use. */
  #reserved: number;
  #writing: Promise<void> = Promise.resolve();

  /** Continues behind the numbers that the file at `path` names. */
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

  /** The next id, in the order of the calls. */
  async next(): Promise<string> {
    this.#last += 1;
    const number = this.#last;
    if (number > this.#reserved) {
      this.#reserved = number + reservedAtOnce - 1;
      this.#write(this.#reserved);
    }
    await this.#writing;
    return `proc_${number}`;
  }

  /** Gives back the numbers that were reserved and not used, so that the next server leaves no gap. */
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
    // One write at a time: a later one must not be overtaken by an earlier one.
    this.#writing = this.#writing.then(() =>
      replaceFile(path, JSON.stringify({ version: 1, last }), this.#log),
    );
  }
}

/** Replaces a file so that it survives a power failure. Never rejects: processes start without it too. */
async function replaceFile(path: string, text: string, log: Logger): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    const directory = await open(dirname(path), "r");
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    log.warn("process ids could not be reserved; a later server may use them again", {
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
  log.warn("the file of process ids cannot be read; ids begin at proc_1 again", { path });
  return 0;
}
