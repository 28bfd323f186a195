import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { type Clock, HoldfastError, type Logger, silentLogger } from "@holdfast/core";
import type { Audit, AuditEntry, AuditQuery, AuditRecord, AuditVerification } from "./audit.ts";
import { AuditReader } from "./audit-reader.ts";
import { type AuditCheckpoint, CheckpointFile, type CheckpointKey, checkpointsOf } from "./checkpoint.ts";
import { auditLimits, decodeRecord, encodeRecord, genesis, pickEntry } from "./record.ts";

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

/** Signs the ends of the log, and the file where these signatures go. */
interface Signing {
  readonly key: CheckpointKey;
  readonly file: CheckpointFile;
}

/**
 * An append-only, hash-chained log of JSON lines, with a signed checkpoint at its start, at its end and
 * each thousand records between. One writer; many appends share one sync.
 */
export class AuditLog implements Audit {
  readonly #reader: AuditReader;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #file: FileHandle;
  readonly #signing: Signing | undefined;
  #signedSeq: number;
  #seq: number;
  #prev: string;
  /** Bytes of complete, synced records. */
  #size: number;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #broken: unknown;

  private constructor(
    reader: AuditReader,
    clock: Clock,
    log: Logger,
    file: FileHandle,
    end: LogEnd,
    signing: Signing | undefined,
  ) {
    this.#reader = reader;
    this.#signing = signing;
    this.#signedSeq = -1;
    this.#clock = clock;
    this.#log = log;
    this.#file = file;
    this.#seq = end.seq;
    this.#prev = end.hash;
    this.#size = end.size;
  }

  /**
   * Opens the log. A last line that a crash tore is cut off, which is itself put on record. With a key,
   * the end of the log is signed, and a log that lacks what was signed is not continued.
   * Throws `audit.corrupt` when the last whole record is not one, or not the one that was signed.
   */
  static async open(
    path: string,
    clock: Clock,
    log: Logger = silentLogger,
    key?: CheckpointKey,
  ): Promise<AuditLog> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, "a+", 0o600);
    let signing: Signing | undefined;
    try {
      const end = await readEnd(file);
      if (key !== undefined) {
        const opened = await CheckpointFile.open(checkpointsOf(path));
        signing = { key, file: opened.file };
        await checkSigned(file, end, key, opened.last);
      }
      if (end.torn > 0) await file.truncate(end.size);
      const audit = new AuditLog(new AuditReader(path, key?.verifier), clock, log, file, end, signing);
      await syncDirectory(dirname(path));
      await audit.#checkpoint();
      if (end.torn > 0) await audit.append({ type: "audit.recovered", data: { droppedBytes: end.torn } });
      return audit;
    } catch (error) {
      await signing?.file.close();
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
        ...pickEntry(waiting.entry),
      } as const;
      const { line, hash } = encodeRecord(record);
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
    if (this.#seq - this.#signedSeq >= auditLimits.checkpointEvery) await this.#checkpoint();
  }

  /** Signs the end of the log. One that cannot be written is made up for by the next. */
  async #checkpoint(): Promise<void> {
    if (this.#signing === undefined || this.#signedSeq === this.#seq) return;
    const end = { seq: this.#seq, hash: this.#prev, size: this.#size, at: this.#clock.now() };
    try {
      await this.#signing.file.append(this.#signing.key.sign(end));
      this.#signedSeq = end.seq;
    } catch (error) {
      this.#log.error("a checkpoint of the audit log could not be written", { error });
    }
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

  /** Of all that was appended before, also by those who did not wait for it. */
  async verify(kept?: AuditCheckpoint): Promise<AuditVerification> {
    await this.#flushing;
    return this.#reader.verify(kept);
  }

  /** Of all that was appended before, also by those who did not wait for it. */
  async query(query: AuditQuery = {}): Promise<readonly AuditRecord[]> {
    await this.#flushing;
    return this.#reader.query(query);
  }

  async close(): Promise<void> {
    await this.#flushing;
    if (this.#broken === undefined) await this.#checkpoint();
    this.#broken ??= new Error("closed");
    await this.#signing?.file.close();
    await this.#file.close();
  }
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
  const record = decodeRecord(buffer.subarray(start, lastBreak).toString("utf8"));
  if (typeof record === "string") throw corrupt(`its last record is damaged: ${record}`);
  return { seq: record.seq, hash: record.hash, size: size - torn, torn };
}

/** Compares the log with the last that was signed of it. Throws `audit.corrupt`. */
async function checkSigned(
  file: FileHandle,
  end: LogEnd,
  key: CheckpointKey,
  last: AuditCheckpoint | undefined,
): Promise<void> {
  if (last === undefined) {
    if (end.seq > 0 && !key.fresh) throw corrupt("its checkpoints are missing");
    return;
  }
  const fault = key.verifier.fault(last);
  if (fault !== undefined) throw corrupt(`its last checkpoint is not believed: ${fault}`);
  if (last.seq > end.seq || last.size > end.size) {
    throw corrupt(`${Math.max(1, last.seq - end.seq)} signed records are missing at its end`);
  }
  if (last.seq === 0) return;
  const length = Math.min(last.size, auditLimits.maxRecordBytes);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, last.size - length);
  const line = buffer.subarray(buffer.lastIndexOf(0x0a, length - 2) + 1, length - 1).toString("utf8");
  const record = decodeRecord(line);
  if (typeof record === "string" || record.hash !== last.hash || record.seq !== last.seq) {
    throw corrupt("the record that was signed last is another one now");
  }
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
