import { createPublicKey } from "node:crypto";
import { join } from "node:path";
import { requireDataDirectory } from "../data-directory.ts";
import type { AuditQuery, AuditRecord, AuditVerification } from "./audit.ts";
import {
  type AuditCheckpoint,
  CheckpointKey,
  CheckpointVerifier,
  checkpointsOf,
  readCheckpoints,
  withCheckpoints,
} from "./checkpoint.ts";
import { CheckpointMatcher } from "./checkpoint-matcher.ts";
import { readLines, readWrittenLines } from "./read-lines.ts";
import { auditLimits, decodeRecord, genesis } from "./record.ts";
import { openSegments } from "./segments.ts";

/** Reads and verifies an audit log in all its files, in constant memory, also while a gate writes it. */
export class AuditReader {
  readonly path: string;
  readonly #verifier: CheckpointVerifier | undefined;

  constructor(path: string, verifier?: CheckpointVerifier) {
    this.path = path;
    this.#verifier = verifier;
  }

  /** Matching records in order. Skips invalid lines. */
  async *records(query: Omit<AuditQuery, "limit" | "newest"> = {}): AsyncGenerator<AuditRecord> {
    const start = query.after === undefined ? 0 : await this.#offsetOf(query.after);
    for await (const { file, base } of openSegments(this.path)) {
      const { size } = await file.stat();
      if (base + size <= start) continue;
      for await (const line of readLines(file, auditLimits.maxRecordBytes, Math.max(0, start - base))) {
        const record = decodeRecord(line);
        if (typeof record !== "string" && matches(record, query)) yield record;
      }
    }
  }

  async query(query: AuditQuery = {}): Promise<readonly AuditRecord[]> {
    const limit = query.limit ?? auditLimits.queryLimit;
    if (limit <= 0) return [];
    const found: AuditRecord[] = [];
    for await (const record of this.records(query)) {
      found.push(record);
      if (found.length < limit) continue;
      if (query.newest !== true) break;
      if (found.length >= 2 * limit) found.splice(0, found.length - limit);
    }
    return query.newest === true ? found.slice(-limit) : found;
  }

  /** Last checkpoint, for a copy outside of this machine. */
  async checkpoint(): Promise<AuditCheckpoint | undefined> {
    let last: AuditCheckpoint | undefined;
    for await (const each of readCheckpoints(checkpointsOf(this.path))) last = each ?? last;
    return last;
  }

  /** A byte offset at or before the first record after `seq`. */
  async #offsetOf(seq: number): Promise<number> {
    let offset = 0;
    for await (const each of readCheckpoints(checkpointsOf(this.path))) {
      if (each === undefined || each.seq > seq) break;
      offset = each.size;
    }
    return offset;
  }

  /** Verifies at least every record that was there when it began. `kept` is a checkpoint stored elsewhere. */
  verify(kept?: AuditCheckpoint): Promise<AuditVerification> {
    return withCheckpoints(checkpointsOf(this.path), (checkpoints) =>
      this.#verify(new CheckpointMatcher(checkpoints, this.#verifier, kept)),
    );
  }

  async #verify(signed: CheckpointMatcher): Promise<AuditVerification> {
    return verifyRecords(linesOfSegments(this.path), signed);
  }
}

async function* linesOfSegments(path: string): AsyncGenerator<AsyncIterable<string>> {
  for await (const { file } of openSegments(path)) yield readWrittenLines(file, auditLimits.maxRecordBytes);
}

/** Verifies the lines of a log's files, in order, against its checkpoints. */
export async function verifyRecords(
  files: AsyncIterable<AsyncIterable<string>>,
  signed: CheckpointMatcher,
): Promise<AuditVerification> {
  let [records, prev, size] = [0, genesis, 0];
  const fault = (line: number, problem: string): AuditVerification => ({
    ok: false,
    records,
    line,
    problem,
  });
  const beginning = await signed.check(0, genesis, 0);
  if (beginning !== undefined) return fault(1, beginning);
  for await (const lines of files) {
    let first = true;
    for await (const line of lines) {
      const at = records + 1;
      const record = decodeRecord(line);
      if (typeof record === "string") return fault(at, record);
      if (first && record.seq > at)
        return fault(at, `the records ${at} to ${record.seq - 1} are missing: a file of the log was removed`);
      first = false;
      if (record.prev !== prev) return fault(at, "it does not follow the previous record");
      if (record.seq !== at) return fault(at, "its sequence number is wrong");
      size += Buffer.byteLength(line) + 1;
      const problem = await signed.check(at, record.hash, size);
      if (problem !== undefined) return fault(at, problem);
      prev = record.hash;
      records = at;
    }
  }
  const missing = signed.missingAfter(records);
  if (missing !== undefined) return fault(records + 1, missing);
  return { ok: true, records, ...signed.summary() };
}

/** Whether a record passes the filters of a query. */
export function matches(record: AuditRecord, query: AuditQuery): boolean {
  const { type, session, jailId, after, since, until } = query;
  if (type !== undefined) {
    if (type.endsWith("*") ? !record.type.startsWith(type.slice(0, -1)) : record.type !== type) return false;
  }
  if (session !== undefined && record.session !== session) return false;
  if (jailId !== undefined && record.jailId !== jailId) return false;
  if (after !== undefined && record.seq <= after) return false;
  if (since !== undefined && record.at < since) return false;
  return until === undefined || record.at <= until;
}

/**
 * Opens the audit log of a data directory for reading; a gate may be writing it at the same time.
 * Pass `publicKey` (PEM) for a copy that has no vault beside it.
 */
export async function openAudit(dataDir: string, publicKey?: string): Promise<AuditReader> {
  const directory = requireDataDirectory(dataDir, "openAudit");
  const path = join(directory, "gate", "audit.log");
  if (publicKey !== undefined)
    return new AuditReader(path, new CheckpointVerifier(createPublicKey(publicKey)));
  const key = await CheckpointKey.find(join(directory, "vault"));
  return new AuditReader(path, key?.verifier);
}

/** Verifies the hash chain of the log at `path`. It does not check signatures; a reader from `openAudit` does. */
export function verifyAuditLog(path: string): Promise<AuditVerification> {
  return new AuditReader(path).verify();
}
