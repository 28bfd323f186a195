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
import { readLines, readWrittenLines } from "./read-lines.ts";
import { auditLimits, decodeRecord, genesis } from "./record.ts";
import { openSegments } from "./segments.ts";

/** Reads an audit log in all its files, also while a gate writes it. All of it works in constant memory. */
export class AuditReader {
  readonly path: string;
  readonly #verifier: CheckpointVerifier | undefined;

  constructor(path: string, verifier?: CheckpointVerifier) {
    this.path = path;
    this.#verifier = verifier;
  }

  /** Every record that matches, in order. Lines that are no records are left out. */
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

  /** The last checkpoint, to be kept elsewhere. */
  async checkpoint(): Promise<AuditCheckpoint | undefined> {
    let last: AuditCheckpoint | undefined;
    for await (const each of readCheckpoints(checkpointsOf(this.path))) last = each ?? last;
    return last;
  }

  /** Byte at which the records after `seq` begin, or an earlier one. */
  async #offsetOf(seq: number): Promise<number> {
    let offset = 0;
    for await (const each of readCheckpoints(checkpointsOf(this.path))) {
      if (each === undefined || each.seq > seq) break;
      offset = each.size;
    }
    return offset;
  }

  /** Of all that was there when it began, and perhaps of more. */
  verify(kept?: AuditCheckpoint): Promise<AuditVerification> {
    return withCheckpoints(checkpointsOf(this.path), (checkpoints) =>
      this.#verify(new SignedEnds(checkpoints, this.#verifier, kept)),
    );
  }

  async #verify(signed: SignedEnds): Promise<AuditVerification> {
    let [records, prev, size] = [0, genesis, 0];
    const fault = (line: number, problem: string): AuditVerification => ({
      ok: false,
      records,
      line,
      problem,
    });
    const beginning = await signed.check(0, genesis, 0);
    if (beginning !== undefined) return fault(1, beginning);
    for await (const { file } of openSegments(this.path)) {
      let first = true;
      for await (const line of readWrittenLines(file, auditLimits.maxRecordBytes)) {
        const at = records + 1;
        const record = decodeRecord(line);
        if (typeof record === "string") return fault(at, record);
        if (first && record.seq > at)
          return fault(at, `the records ${at} to ${record.seq - 1} are missing: a file of the log is gone`);
        first = false;
        if (record.prev !== prev) return fault(at, "it does not follow the record before");
        if (record.seq !== at) return fault(at, "its sequence number is wrong");
        size += Buffer.byteLength(line) + 1;
        const problem = await signed.check(at, record.hash, size);
        if (problem !== undefined) return fault(at, problem);
        prev = record.hash;
        records = at;
      }
    }
    const missing = signed.unmet(records);
    if (missing !== undefined) return fault(records + 1, missing);
    return { ok: true, records, ...signed.summary() };
  }
}

function matches(record: AuditRecord, query: AuditQuery): boolean {
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

/** The signed ends of a log, met one after the other while it is read. */
class SignedEnds {
  readonly #source: AsyncGenerator<AuditCheckpoint | undefined>;
  readonly #verifier: CheckpointVerifier | undefined;
  readonly #kept: AuditCheckpoint | undefined;
  #begun = false;
  #next: AuditCheckpoint | undefined;
  #met = 0;
  #signedTo: number | undefined;
  #keptMet = false;

  constructor(
    source: AsyncGenerator<AuditCheckpoint | undefined>,
    verifier: CheckpointVerifier | undefined,
    kept: AuditCheckpoint | undefined,
  ) {
    this.#source = source;
    this.#verifier = verifier;
    this.#kept = kept;
  }

  /** What is wrong about the record `seq` according to the checkpoints, or undefined. */
  async check(seq: number, hash: string, size: number): Promise<string | undefined> {
    const kept = this.#kept;
    if (kept?.seq === seq) {
      const fault = this.#verifier?.fault(kept);
      if (fault !== undefined) return `the kept checkpoint is not believed: ${fault}`;
      if (kept.hash !== hash) return "the kept checkpoint has another record here";
      this.#keptMet = true;
    }
    if (this.#verifier === undefined) return undefined;
    const first = !this.#begun;
    if (first) {
      const problem = await this.#advance();
      if (problem !== undefined) return problem;
    }
    while (this.#next !== undefined && this.#next.seq === seq) {
      if (this.#next.hash !== hash || (this.#next.size !== size && seq > 0))
        return "a checkpoint has another record here";
      this.#met += 1;
      this.#signedTo = seq;
      const problem = await this.#advance();
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  async #advance(): Promise<string | undefined> {
    this.#begun = true;
    const before = this.#next;
    const { done, value } = await this.#source.next();
    this.#next = undefined;
    if (done === true) return undefined;
    if (value === undefined) return "a checkpoint is damaged";
    const fault = this.#verifier?.fault(value);
    if (fault !== undefined) return `a checkpoint is not believed: ${fault}`;
    if (before !== undefined && value.seq < before.seq) return "the checkpoints are out of order";
    this.#next = value;
    return undefined;
  }

  /** What the checkpoints know of that the log, which has ended, does not have. */
  unmet(records: number): string | undefined {
    if (this.#next !== undefined) return `${this.#next.seq - records} signed records are missing at the end`;
    if (this.#kept !== undefined && !this.#keptMet)
      return `the kept checkpoint knows ${this.#kept.seq} records; the end was cut off`;
    if (this.#verifier !== undefined && this.#met === 0 && records > 0) return "its checkpoints are missing";
    return undefined;
  }

  summary(): { checkpoints?: number; signedTo?: number } {
    if (this.#verifier === undefined) return {};
    return { checkpoints: this.#met, ...(this.#signedTo === undefined ? {} : { signedTo: this.#signedTo }) };
  }
}

/**
 * The audit log of a data directory, for commands and for whoever checks a copy of it. A gate may be
 * writing it at the same time. `publicKey` (PEM) is for a copy without the vault beside it.
 */
export async function openAudit(dataDir: string, publicKey?: string): Promise<AuditReader> {
  const directory = requireDataDirectory(dataDir, "openAudit");
  const path = join(directory, "gate", "audit.log");
  if (publicKey !== undefined)
    return new AuditReader(path, new CheckpointVerifier(createPublicKey(publicKey)));
  const key = await CheckpointKey.find(join(directory, "vault"));
  return new AuditReader(path, key?.verifier);
}

/** Checks the chain of the log at `path`; `openAudit` also checks who signed it. */
export function verifyAuditLog(path: string): Promise<AuditVerification> {
  return new AuditReader(path).verify();
}
