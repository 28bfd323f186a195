import type { CommitBatch } from "@holdfast/actors";

/** A commit whose outcome is not known yet. */
export interface Turn<Work = unknown> {
  readonly batch: CommitBatch;
  /** What is sent to the server. */
  readonly work: Work;
  readonly size: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** True if its connection was lost after it was sent: the server may have committed it. */
  isUncertain: boolean;
  /** True if its fence failed although no earlier turn of the actor had failed. */
  isFenced: boolean;
  /** The latest failure that allows another attempt. */
  cause?: unknown;
}

/** Columns of an actor's row that decide the outcome of a commit. */
export interface CommittedRow {
  readonly epoch: number;
  readonly version: number;
  readonly lastCommit: string;
  readonly isDestroyed: boolean;
  readonly hasState: boolean;
}

/**
 * - `committed`: it is durable.
 * - `open`: the row is as before the commit, so it can be sent again. If the first attempt is still under way, the
 *   fence admits only one of the two.
 * - `duplicate`: another actor has the key.
 * - `fenced`: it is not committed and never will be.
 * - `invalid`: a patch without a snapshot.
 * - `unknown`: a later owner has committed since, or the row is older than before.
 */
export type Outcome = "committed" | "open" | "duplicate" | "fenced" | "invalid" | "unknown";

/** Outcome of a turn whose connection was lost or whose fence failed. */
export function outcomeOf(turn: Turn, row: CommittedRow | undefined): Outcome {
  const { batch, isUncertain, isFenced } = turn;
  if (row === undefined) {
    if (batch.create === undefined) return "fenced";
    return isFenced ? "duplicate" : "open";
  }
  if (row.version === batch.version && row.lastCommit === batch.commitId) {
    return isUncertain ? "committed" : "fenced";
  }
  if (row.epoch === batch.epoch && row.version > batch.version) {
    // Only the owner of an epoch commits under it, and each version once.
    return isUncertain ? "committed" : "fenced";
  }
  if (row.epoch === batch.epoch && row.version === batch.version - 1 && !row.isDestroyed) {
    if (!isFenced) return "open";
    return batch.state?.type === "patch" && !row.hasState ? "invalid" : "fenced";
  }
  if (!isUncertain || row.isDestroyed) return "fenced";
  if (row.epoch > batch.epoch) return row.version > batch.version ? "unknown" : "fenced";
  // The database lost acknowledged commits: a standby that lags, or a restored backup.
  return "unknown";
}
