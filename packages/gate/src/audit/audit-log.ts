import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { type Clock, HoldfastError, type Logger, silentLogger } from "@holdfast/core";
import type { Audit, AuditEntry, AuditQuery, AuditRecord, AuditVerification } from "./audit.ts";
import { AuditReader } from "./audit-reader.ts";
import { type AuditCheckpoint, CheckpointFile, type CheckpointKey, checkpointsOf } from "./checkpoint.ts";
import { auditLimits, decodeRecord, encodeRecord, genesis, pickEntry } from "./record.ts";
import { type ClosedSegment, closedPath, closedSegments } from "./segments.ts";

interface Waiting {
  readonly entry: AuditEntry;
  /** An effect waits for this record. */
  readonly before: boolean;
  readonly resolve: (record: AuditRecord) => void;
  readonly reject: (error: unknown) => void;
}

function unavailable(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("audit", "unavailable", message, {
    statusCode: 503,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Signs checkpoints of the log and appends them to their file. */
interface Signing {
  readonly key: CheckpointKey;
  readonly file: CheckpointFile;
}

/**
 * An append-only, hash-chained log of JSON lines, with a signed checkpoint at its start, at its end and
 * each thousand records between. One writer; many appends share one sync. A file that is full is closed
 * with a checkpoint, and the chain goes on in the next.
 */
export class AuditLog implements Audit {
  readonly #reader: AuditReader;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #path: string;
  readonly #maxFileBytes: number;
  #file: FileHandle;
  readonly #signing: Signing | undefined;
  #signedSeq: number;
  #seq: number;
  #prev: string;
  /** Sequence of the first record of the file. */
  #first: number;
  /** Bytes of the files before it. */
  #base: number;
  /** Bytes of complete, synced records in the file. */
  #size: number;
  #waiting: Waiting[] = [];
  /** Number of waiting records that an effect waits for. */
  #before = 0;
  #flushing: Promise<void> | undefined;
  /** Ends the delay of records that nothing waits for. */
  #later: NodeJS.Timeout | undefined;
  #broken: unknown;
  #closed = false;
  /** Name of this node in each record. */
  #node: string | undefined;
  #onWritten: () => void = () => {};

  private constructor(
    reader: AuditReader,
    clock: Clock,
    log: Logger,
    file: FileHandle,
    end: LogEnd,
    signing: Signing | undefined,
    maxFileBytes: number,
  ) {
    this.#path = reader.path;
    this.#maxFileBytes = maxFileBytes;
    this.#reader = reader;
    this.#signing = signing;
    this.#signedSeq = -1;
    this.#clock = clock;
    this.#log = log;
    this.#file = file;
    this.#seq = end.seq;
    this.#prev = end.hash;
    this.#first = end.first;
    this.#base = end.base;
    this.#size = end.size;
  }

  /**
   * Opens the log. Truncates a partial last line left by a crash, and records that. With a key, signs the end of the
   * log and refuses to continue a log that lacks signed records. Throws `audit.corrupt` when the last complete line is
   * not a record, or not the one that was signed.
   */
  static async open(
    path: string,
    clock: Clock,
    log: Logger = silentLogger,
    key?: CheckpointKey,
    maxFileBytes: number = auditLimits.maxFileBytes,
  ): Promise<AuditLog> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, "a+", 0o600);
    let signing: Signing | undefined;
    try {
      const closed = await closedSegments(path);
      const end = await readLogEnd(file, closed);
      if (key !== undefined) {
        const opened = await CheckpointFile.open(checkpointsOf(path));
        signing = { key, file: opened.file };
        await checkSigned(file, closed, end, key, opened.last);
      }
      if (end.torn > 0) await file.truncate(end.size);
      const reader = new AuditReader(path, key?.verifier);
      const audit = new AuditLog(reader, clock, log, file, end, signing, maxFileBytes);
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

  /** Names the node in each record from now on, and calls `onWritten` after each write. */
  replicate(node: string, onWritten: () => void): void {
    this.#node = node;
    this.#onWritten = onWritten;
  }

  /** A signed checkpoint of the last record on disk; undefined without a key. It is not stored. */
  signEnd(): AuditCheckpoint | undefined {
    return this.#signing?.key.sign(this.#end());
  }

  #end() {
    return { seq: this.#seq, hash: this.#prev, size: this.#base + this.#size, at: this.#clock.now() };
  }

  async note(entry: AuditEntry): Promise<void> {
    try {
      await this.#add(entry, false);
    } catch (error) {
      this.#log.error("an audit record was lost", { type: entry.type, jailId: entry.jailId, error });
    }
  }

  append(entry: AuditEntry): Promise<AuditRecord> {
    return this.#add(entry, true);
  }

  #add(entry: AuditEntry, before: boolean): Promise<AuditRecord> {
    if (this.#closed || this.#broken !== undefined)
      return Promise.reject(unavailable("The audit log cannot be written", this.#broken));
    if (this.#waiting.length >= auditLimits.maxWaiting)
      return Promise.reject(unavailable("The audit log is behind"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, before, resolve, reject });
      if (before) {
        this.#before += 1;
        this.#flushing ??= this.#flush();
      } else this.#scheduleWrite();
    });
  }

  /**
   * A record that no effect waits for shares the sync of the next one that does: a sync of its own would delay that
   * one. Without such a record, it is written after a short delay.
   */
  #scheduleWrite(): void {
    if (this.#flushing !== undefined || this.#waiting.length === 0) return;
    this.#later ??= setTimeout(() => {
      this.#flushing ??= this.#flush();
    }, auditLimits.maxNoteDelayMs);
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#later);
    this.#later = undefined;
    // The first append of a burst waits one tick, so that the burst shares a sync.
    await Promise.resolve();
    do {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#before = 0;
      await this.#write(batch);
    } while (this.#before > 0);
    this.#flushing = undefined;
    this.#scheduleWrite();
  }

  /** Resolves when all that was added before is on disk, or could not be written. */
  async #idle(): Promise<void> {
    await this.#flushing;
    // Records that arrived during the last batch and that no effect waits for are still delayed.
    if (this.#waiting.length > 0) this.#flushing ??= this.#flush();
    await this.#flushing;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    if (this.#broken !== undefined) {
      // A later sync that succeeds proves nothing about records that waited during a failed one.
      for (const { reject } of batch) reject(unavailable("The audit log cannot be written", this.#broken));
      return;
    }
    const done: [Waiting, AuditRecord][] = [];
    let [seq, prev, text] = [this.#seq, this.#prev, ""];
    for (const waiting of batch) {
      const record = {
        version: 1,
        seq: seq + 1,
        at: this.#clock.now(),
        ...(this.#node === undefined ? {} : { node: this.#node }),
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
      await this.#truncate(error);
      for (const [waiting] of done) waiting.reject(unavailable("The audit log could not be written", error));
      return;
    }
    this.#size += Buffer.byteLength(text);
    this.#seq = seq;
    this.#prev = prev;
    for (const [waiting, record] of done) waiting.resolve(record);
    this.#onWritten();
    if (this.#seq - this.#signedSeq >= auditLimits.checkpointEvery) await this.#checkpoint();
    if (this.#size >= this.#maxFileBytes) await this.#rotate();
  }

  /** Signs and closes the full file and starts the next one. A failure is retried with the next record. */
  async #rotate(): Promise<void> {
    await this.#checkpoint();
    const full = closedPath(this.#path, this.#first);
    try {
      await rename(this.#path, full);
      const next = await open(this.#path, "ax", 0o600).catch(async (error: unknown) => {
        await rename(full, this.#path);
        throw error;
      });
      const old = this.#file;
      this.#file = next;
      this.#base += this.#size;
      this.#first = this.#seq + 1;
      this.#size = 0;
      await syncDirectory(dirname(this.#path));
      await old.close();
    } catch (error) {
      this.#log.error("the audit log could not start its next file", { error });
    }
  }

  /** Writes a checkpoint. If that fails, the next one covers the same records. */
  async #checkpoint(): Promise<void> {
    if (this.#signing === undefined || this.#signedSeq === this.#seq) return;
    const end = this.#end();
    try {
      await this.#signing.file.append(this.#signing.key.sign(end));
      this.#signedSeq = end.seq;
    } catch (error) {
      this.#log.error("a checkpoint of the audit log could not be written", { error });
    }
  }

  /** Truncates a partial write, so that the next record follows the last complete one. */
  async #truncate(error: unknown): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
      // After a failed sync the state on disk is unknown until a restart reads it again.
      if ((error as NodeJS.ErrnoException).syscall === "fdatasync") this.#broken = error;
    } catch (failure) {
      this.#broken = failure;
    }
  }

  /** Includes all earlier appends, also those whose callers did not wait. */
  async verify(kept?: AuditCheckpoint): Promise<AuditVerification> {
    await this.#idle();
    return this.#reader.verify(kept);
  }

  /** Includes all earlier appends, also those whose callers did not wait. */
  async query(query: AuditQuery = {}): Promise<readonly AuditRecord[]> {
    await this.#idle();
    return this.#reader.query(query);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#idle();
    if (this.#broken === undefined) await this.#checkpoint();
    await this.#signing?.file.close();
    await this.#file.close();
  }
}

interface FileEnd {
  readonly seq: number;
  readonly hash: string;
  readonly size: number;
  readonly torn: number;
}

interface LogEnd extends FileEnd {
  /** Sequence of the first record of the current file. */
  readonly first: number;
  /** Bytes of the files before it. */
  readonly base: number;
}

/** End of the current file or, while it is empty, of the previous one. */
async function readLogEnd(file: FileHandle, closed: readonly ClosedSegment[]): Promise<LogEnd> {
  const end = await readEnd(file);
  const last = closed.at(-1);
  const base = last === undefined ? 0 : last.base + last.size;
  if (end.seq > 0) return { ...end, first: await firstOf(file), base };
  if (last === undefined) return { ...end, first: 1, base };
  const before = await open(last.path, "r");
  try {
    const { seq, hash, torn } = await readEnd(before);
    if (torn > 0) throw corrupt("a closed file of it ends with a partial record");
    return { ...end, seq, hash, first: seq + 1, base };
  } finally {
    await before.close();
  }
}

async function firstOf(file: FileHandle): Promise<number> {
  const { buffer, bytesRead } = await file.read(
    Buffer.alloc(auditLimits.maxRecordBytes),
    0,
    auditLimits.maxRecordBytes,
    0,
  );
  const line = buffer.subarray(0, bytesRead);
  const record = decodeRecord(line.subarray(0, line.indexOf(0x0a)).toString("utf8"));
  if (typeof record === "string") throw corrupt(`its first record is damaged: ${record}`);
  return record.seq;
}

async function readEnd(file: FileHandle): Promise<FileEnd> {
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

/** Compares the log with its last checkpoint. Throws `audit.corrupt`. */
async function checkSigned(
  file: FileHandle,
  closed: readonly ClosedSegment[],
  end: LogEnd,
  key: CheckpointKey,
  last: AuditCheckpoint | undefined,
): Promise<void> {
  if (last === undefined) {
    if (end.seq > 0 && !key.fresh) throw corrupt("its checkpoints are missing");
    return;
  }
  const fault = key.verifier.fault(last);
  if (fault !== undefined) throw corrupt(`its last checkpoint is invalid: ${fault}`);
  if (last.seq > end.seq || last.size > end.base + end.size) {
    throw corrupt(`${Math.max(1, last.seq - end.seq)} signed records are missing at its end`);
  }
  if (last.seq === 0) return;
  const record = await recordBefore(file, closed, end.base, last.size);
  if (typeof record === "string" || record.hash !== last.hash || record.seq !== last.seq) {
    throw corrupt("the last signed record was changed");
  }
}

/** Record that ends at byte `offset` of the complete log. */
async function recordBefore(
  file: FileHandle,
  closed: readonly ClosedSegment[],
  base: number,
  offset: number,
): Promise<AuditRecord | string> {
  const full = closed.find((each) => offset <= each.base + each.size);
  const from = full === undefined ? file : await open(full.path, "r");
  try {
    const at = offset - (full?.base ?? base);
    const length = Math.min(at, auditLimits.maxRecordBytes);
    const { buffer } = await from.read(Buffer.alloc(length), 0, length, at - length);
    return decodeRecord(
      buffer.subarray(buffer.lastIndexOf(0x0a, length - 2) + 1, length - 1).toString("utf8"),
    );
  } finally {
    if (full !== undefined) await from.close();
  }
}

function corrupt(problem: string): HoldfastError {
  return new HoldfastError(
    "audit",
    "corrupt",
    `The audit log cannot be continued: ${problem}. Check it, then move it away to start a new one.`,
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
