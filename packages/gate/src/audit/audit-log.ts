import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { type Clock, HoldfastError, type Logger, silentLogger } from "@holdfast/core";
import type { Audit, AuditEntry, AuditQuery, AuditRecord, AuditVerification } from "./audit.ts";

/** What stands before the first record. */
export const genesis = "0".repeat(64);

export const auditLimits = { maxRecordBytes: 64 * 1024, maxWaiting: 10_000, queryLimit: 1_000 } as const;

/**
 * One line of the log: the record without its hash, then the hash of exactly those bytes. Since `prev`
 * is among them, every record vouches for all before it.
 */
function encode(record: Omit<AuditRecord, "hash">): { line: string; hash: string } {
  const body = JSON.stringify(record);
  const hash = createHash("sha256").update(body).digest("hex");
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}\n`, hash };
}

/** Reads a line back, or says what is wrong with it. */
function decode(line: string): AuditRecord | string {
  const match = /^(.*),"hash":"([0-9a-f]{64})"\}$/s.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) return "not a record";
  const body = `${match[1]}}`;
  if (createHash("sha256").update(body).digest("hex") !== match[2]) return "the hash does not match";
  try {
    return { ...JSON.parse(body), hash: match[2] } as AuditRecord;
  } catch {
    return "not a record";
  }
}

interface Waiting {
  readonly entry: AuditEntry;
  readonly resolve: (record: AuditRecord) => void;
  readonly reject: (error: unknown) => void;
}

function unavailable(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("audit", "unavailable", message, {
    statusCode: 503,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** An append-only, hash-chained log of JSON lines. One writer; many appends share one sync. */
export class AuditLog implements Audit {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #file: FileHandle;
  #seq: number;
  #prev: string;
  /** Bytes of complete, synced records. */
  #size: number;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #broken: unknown;

  private constructor(path: string, clock: Clock, log: Logger, file: FileHandle, end: LogEnd) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#file = file;
    this.#seq = end.seq;
    this.#prev = end.hash;
    this.#size = end.size;
  }

  /**
   * Opens the log. A last line that a crash tore is cut off, which is itself put on record.
   * Throws `audit.corrupt` when the last whole record is not one.
   */
  static async open(path: string, clock: Clock, log: Logger = silentLogger): Promise<AuditLog> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, "a+", 0o600);
    try {
      const end = await readEnd(file);
      if (end.torn > 0) await file.truncate(end.size);
      const audit = new AuditLog(path, clock, log, file, end);
      await syncDirectory(dirname(path));
      if (end.torn > 0) await audit.append({ type: "audit.recovered", data: { droppedBytes: end.torn } });
      return audit;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async note(entry: AuditEntry): Promise<void> {
    try {
      await this.append(entry);
    } catch (error) {
      this.#log.error("an audit record was lost", { type: entry.type, jailId: entry.jailId, error });
    }
  }

  append(entry: AuditEntry): Promise<AuditRecord> {
    if (this.#broken !== undefined)
      return Promise.reject(unavailable("The audit log cannot be written", this.#broken));
    if (this.#waiting.length >= auditLimits.maxWaiting)
      return Promise.reject(unavailable("The audit log is behind"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async #flush(): Promise<void> {
    // The first append of a burst waits for the rest of its tick, so that they share a sync.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#write(batch);
    }
    this.#flushing = undefined;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const done: [Waiting, AuditRecord][] = [];
    let [seq, prev, text] = [this.#seq, this.#prev, ""];
    for (const waiting of batch) {
      const record = {
        version: 1,
        seq: seq + 1,
        at: this.#clock.now(),
        prev,
        ...pick(waiting.entry),
      } as const;
      const { line, hash } = encode(record);
      if (Buffer.byteLength(line) > auditLimits.maxRecordBytes) {
        waiting.reject(
          new HoldfastError("audit", "record_too_large", "The audit record is too large", {
            statusCode: 413,
          }),
        );
        continue;
      }
      seq += 1;
      prev = hash;
      text += line;
      done.push([waiting, { ...record, hash }]);
    }
    try {
      await this.#file.appendFile(text);
      await this.#file.datasync();
    } catch (error) {
      await this.#undo(error);
      for (const [waiting] of done) waiting.reject(unavailable("The audit log could not be written", error));
      return;
    }
    this.#size += Buffer.byteLength(text);
    this.#seq = seq;
    this.#prev = prev;
    for (const [waiting, record] of done) waiting.resolve(record);
  }

  /** Takes a partial write back, so that the next record can follow the last whole one. */
  async #undo(error: unknown): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
      // After a failed sync nobody knows what is on disk: only a restart reads it again.
      if ((error as NodeJS.ErrnoException).syscall === "fdatasync") this.#broken = error;
    } catch (failure) {
      this.#broken = failure;
    }
  }

  verify(): Promise<AuditVerification> {
    return verifyAuditLog(this.#path);
  }

  async query(query: AuditQuery = {}): Promise<readonly AuditRecord[]> {
    const limit = query.limit ?? auditLimits.queryLimit;
    const found: AuditRecord[] = [];
    for await (const line of readLines(this.#path)) {
      const record = decode(line);
      if (typeof record === "string") continue;
      if (query.type !== undefined && record.type !== query.type) continue;
      if (query.session !== undefined && record.session !== query.session) continue;
      if (query.jailId !== undefined && record.jailId !== query.jailId) continue;
      if (query.after !== undefined && record.seq <= query.after) continue;
      found.push(record);
      if (found.length >= limit) break;
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#flushing;
    this.#broken ??= new Error("closed");
    await this.#file.close();
  }
}

/** Only what an entry may say; a caller cannot choose its own sequence number. */
function pick({ type, jailId, session, data }: AuditEntry): AuditEntry {
  return {
    type,
    ...(jailId === undefined ? {} : { jailId }),
    ...(session === undefined ? {} : { session }),
    ...(data === undefined ? {} : { data }),
  };
}

interface LogEnd {
  readonly seq: number;
  readonly hash: string;
  readonly size: number;
  readonly torn: number;
}

async function readEnd(file: FileHandle): Promise<LogEnd> {
  const { size } = await file.stat();
  const length = Math.min(size, 2 * auditLimits.maxRecordBytes);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
  const lastBreak = buffer.lastIndexOf(0x0a);
  const torn = length - lastBreak - 1;
  if (lastBreak < 0) {
    if (size > length) throw corrupt("it has no line end");
    return { seq: 0, hash: genesis, size: 0, torn };
  }
  const start = lastBreak === 0 ? 0 : buffer.lastIndexOf(0x0a, lastBreak - 1) + 1;
  const record = decode(buffer.subarray(start, lastBreak).toString("utf8"));
  if (typeof record === "string") throw corrupt(`its last record is damaged: ${record}`);
  return { seq: record.seq, hash: record.hash, size: size - torn, torn };
}

function corrupt(problem: string): HoldfastError {
  return new HoldfastError(
    "audit",
    "corrupt",
    `The audit log cannot be continued: ${problem}. Check it, then move it aside to begin a new one.`,
    { statusCode: 500 },
  );
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Whole lines of a file; a last line without an end is not one. */
async function* readLines(path: string): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    let data = Buffer.concat([rest, chunk as Buffer]);
    for (let end = data.indexOf(0x0a); end >= 0; end = data.indexOf(0x0a)) {
      yield data.subarray(0, end).toString("utf8");
      data = data.subarray(end + 1);
    }
    rest = data;
  }
  if (rest.length > 0) yield rest.toString("utf8");
}

/** Checks every record of the log at `path` against its hash and the one before. */
export async function verifyAuditLog(path: string): Promise<AuditVerification> {
  let [records, prev] = [0, genesis];
  for await (const line of readLines(path)) {
    const at = records + 1;
    const record = decode(line);
    if (typeof record === "string") return { ok: false, records, line: at, problem: record };
    if (record.prev !== prev)
      return { ok: false, records, line: at, problem: "it does not follow the record before" };
    if (record.seq !== at) return { ok: false, records, line: at, problem: "its sequence number is wrong" };
    prev = record.hash;
    records = at;
  }
  return { ok: true, records };
}
