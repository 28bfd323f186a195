/** The tamper-evident log: records, segments, checkpoints, verification, export. */
import type { AuditCheckpoint } from "./checkpoint.ts";

/** An entry to record. */
export interface AuditEntry {
  /** Dotted kind, for example "egress.request". */
  readonly type: string;
  readonly jailId?: string;
  readonly session?: string;
  /** Structured, small, without secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** An entry with its place in the log. `at` is milliseconds since the epoch. */
export interface AuditRecord extends AuditEntry {
  readonly version: 1;
  readonly seq: number;
  readonly at: number;
  /** Hash of the record before. */
  readonly prev: string;
  readonly hash: string;
}

/** Result of verifying a log. */
export interface AuditVerification {
  readonly ok: boolean;
  readonly records: number;
  /** 1-based line of the first fault. */
  readonly line?: number;
  readonly problem?: string;
  /** How many signed checkpoints agree with the log; absent where there is no key to check them with. */
  readonly checkpoints?: number;
  /** Up to this record the log is signed: none of these can be missing. */
  readonly signedTo?: number;
}

/** Filters of a query; absent fields match everything. */
export interface AuditQuery {
  /** A type, or a prefix such as "egress.*". */
  readonly type?: string;
  readonly session?: string;
  readonly jailId?: string;
  /** Only records with a greater sequence number. */
  readonly after?: number;
  /** Milliseconds since the epoch, inclusive. */
  readonly since?: number;
  readonly until?: number;
  /** 1,000 by default. */
  readonly limit?: number;
  /** True for the last matching records instead of the first; the order stays ascending. */
  readonly newest?: boolean;
}

/** The log of what crossed the boundary, each record bound to the one before by its hash. */
export interface Audit {
  /** Resolves when the record is on disk. Throws `audit.unavailable`: then the effect must not happen. */
  append(entry: AuditEntry): Promise<AuditRecord>;
  /**
   * Records what has already happened: how an effect ended, or that it was refused.
   * Always resolves; a record that is lost (a full disk) is reported in the host's log.
   */
  note(entry: AuditEntry): Promise<void>;
  /**
   * Reads the whole log and checks the chain and its checkpoints; and `kept`, a checkpoint that was kept
   * where nobody who may write the log could change it.
   */
  verify(kept?: AuditCheckpoint): Promise<AuditVerification>;
  query(query?: AuditQuery): Promise<readonly AuditRecord[]>;
}
