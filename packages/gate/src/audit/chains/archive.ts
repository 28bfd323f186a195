/** Audit chains of several nodes: their copies in a store that the nodes share, and verification of all of them. */
import type { AuditVerification } from "../audit.ts";
import type { AuditCheckpoint } from "../checkpoint.ts";

/** How far the copy of a chain reaches. */
export interface ArchiveEnd {
  /** Bytes of the log. */
  readonly size: number;
  /** The last signed one. */
  readonly checkpoint?: AuditCheckpoint;
}

/** Port: copies of the logs of all nodes, byte by byte, in a store that outlives each of them. */
export interface AuditArchive {
  end(chain: string): Promise<ArchiveEnd>;
  /**
   * Appends the bytes of a log from `offset` on; what is there already stays. Returns the size, which is smaller than
   * `offset` if bytes in between are missing: then nothing was written. Durable when it resolves.
   */
  append(chain: string, offset: number, bytes: Uint8Array): Promise<number>;
  /** Keeps the checkpoint if it is later than the last. */
  sign(chain: string, checkpoint: AuditCheckpoint): Promise<void>;
  /** Some bytes from `offset` on; none at the end. */
  read(chain: string, offset: number): Promise<Uint8Array>;
  /**
   * Asks the node of a chain to verify its files against `kept`. Undefined if it is not running, or does not answer in
   * time.
   */
  verifyFiles(chain: string, kept: AuditCheckpoint | undefined): Promise<AuditVerification | undefined>;
  /** Answers such requests to this node. Returns a function that ends it. */
  onVerify(
    chain: string,
    verify: (kept: AuditCheckpoint | undefined) => Promise<AuditVerification>,
  ): () => void;
}

/** Bytes of one `append`. */
export const archivePieceBytes = 48 * 1024;

/** How long the copy of a node's audit log waits, in milliseconds. */
export const archiveTimes = {
  /** Records of this time share one copy. */
  delayMs: 250,
  /** Delay before a copy that failed is tried again. */
  retryMs: 5_000,
  /** How long the node of a chain may take to verify its files. */
  verifyMs: 60_000,
} as const;
