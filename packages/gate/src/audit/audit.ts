/** Tamper-evident log: records, segments, checkpoints, verification, export. */
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

/** An entry with its position in the log. `at` is milliseconds since the epoch. */
export interface AuditRecord extends AuditEntry {
  readonly version: 1;
  readonly seq: number;
  readonly at: number;
  /** Name of the node that recorded it, where there are several. */
  readonly node?: string;
  /** Hash of the previous record. */
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
  /** Number of signed checkpoints that match the log; absent without a key to verify them. */
  readonly checkpoints?: number;
  /** The log is signed up to this record: none of these can be missing. */
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

/** Log of everything that crossed the boundary. A hash binds each record to the previous one. */
export interface Audit {
  /** Resolves when the record is on disk. Throws `audit.unavailable`, in which case the effect must not happen. */
  append(entry: AuditEntry): Promise<AuditRecord>;
  /**
   * Records an event that has already happened: the outcome of an effect, or its refusal. Always resolves. A lost
   * record (a full disk) is reported in the host's log.
   */
  note(entry: AuditEntry): Promise<void>;
  /**
   * Reads the complete log and verifies its chain and checkpoints, and `kept`, a checkpoint stored where no writer of
   * the log could change it.
   */
  verify(kept?: AuditCheckpoint): Promise<AuditVerification>;
  query(query?: AuditQuery): Promise<readonly AuditRecord[]>;
}
