/** The tamper-evident log: records, segments, checkpoints, verification, export. */
import type { AuditCheckpoint } from "./checkpoint.ts";

/** What is to be recorded. */
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

/** Whether a log is whole, and where it is not. */
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

/** Which records are read; what is absent does not matter. */
export interface AuditQuery {
  /** A kind, or all that begin alike: "egress.*". */
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
  /** True for the last records that match instead of the first, in order all the same. */
  readonly newest?: boolean;
}

/** The log of what crossed the boundary, each record bound to the one before by its hash. */
export interface Audit {
  /** Resolves when the record is on disk. Throws `audit.unavailable`: then the effect must not happen. */
  append(entry: AuditEntry): Promise<AuditRecord>;
  /**
   * Records what is over and can no longer be prevented: how an effect ended, or that it was refused.
   * Resolves in any case; a record that is lost (a full disk) is told in the log of the host.
   */
  note(entry: AuditEntry): Promise<void>;
  /**
   * Reads the whole log and checks the chain and its checkpoints; and `kept`, a checkpoint that was kept
   * where nobody who may write the log could change it.
   */
  verify(kept?: AuditCheckpoint): Promise<AuditVerification>;
  query(query?: AuditQuery): Promise<readonly AuditRecord[]>;
}
