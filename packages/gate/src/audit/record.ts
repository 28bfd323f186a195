import { createHash } from "node:crypto";
import type { AuditEntry, AuditRecord } from "./audit.ts";

/** `prev` of the first record. */
export const genesis = "0".repeat(64);

export const auditLimits = {
  maxRecordBytes: 64 * 1024,
  maxWaiting: 10_000,
  /** How long a record that nothing waits for may be delayed to share another record's sync. */
  maxNoteDelayMs: 5,
  queryLimit: 1_000,
  /** Size of one file of the log; then the next one is started. */
  maxFileBytes: 64 * 1024 * 1024,
  /** Number of records between signed checkpoints. */
  checkpointEvery: 1_000,
} as const;

/**
 * One line of the log: the record without its hash, then the hash of exactly those bytes. Since `prev`
 * is among them, every record vouches for all before it.
 */
export function encodeRecord(record: Omit<AuditRecord, "hash">): { line: string; hash: string } {
  const body = JSON.stringify(record);
  const hash = createHash("sha256").update(body).digest("hex");
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}\n`, hash };
}

/** Decodes a line, or returns what is wrong with it. */
export function decodeRecord(line: string): AuditRecord | string {
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

/** Picks the allowed fields of an entry, so that a caller cannot choose its own sequence number. */
export function pickEntry({ type, jailId, session, data }: AuditEntry): AuditEntry {
  return {
    type,
    ...(jailId === undefined ? {} : { jailId }),
    ...(session === undefined ? {} : { session }),
    ...(data === undefined ? {} : { data }),
  };
}
