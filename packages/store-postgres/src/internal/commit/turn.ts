import type { CommitBatch } from "@holdfast/actors";
import type { Statement } from "../connection/transaction-query.ts";
import { actorRecord, optionalInteger, type Row, text } from "../rows.ts";

/** A commit until its outcome is known. */
export interface Turn {
  readonly batch: CommitBatch;
  readonly statements: readonly Statement[];
  readonly size: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** True if it was sent over a connection that was then lost, so that the server may have committed it. */
  isUncertain: boolean;
  /** True if its fence has failed while no earlier turn of the actor had failed. */
  isFenced: boolean;
  /** The last failure after which it can be sent again. */
  cause?: unknown;
}

/** The row of an actor, as far as it settles the outcome of a commit. */
export interface Settlement {
  readonly epoch: number;
  readonly version: number;
  readonly lastCommit: string;
  readonly isDestroyed: boolean;
  readonly hasState: boolean;
}

export function settlement(row: Row): Settlement {
  const { epoch, version, destroyedAt } = actorRecord(row);
  return {
    epoch,
    version,
    lastCommit: text(row, "last_commit"),
    isDestroyed: destroyedAt !== undefined,
    hasState: optionalInteger(row, "snapshot_version") !== undefined,
  };
}

/**
 * - `committed`: it is durable.
 * - `open`: the row is as before the commit, so it can be sent (again): if the first attempt is still on its way, the
 *   fence lets one of the two through.
 * - `duplicate`: another actor has the key.
 * - `fenced`: it is not committed, and never will be.
 * - `invalid`: a patch without a snapshot.
 * - `unknown`: later owners have committed since, or the row is older than it was before: it does not tell.
 */
export type Outcome = "committed" | "open" | "duplicate" | "fenced" | "invalid" | "unknown";

/** The outcome of a turn whose connection was lost, or whose fence has failed. */
export function outcomeOf(turn: Turn, row: Settlement | undefined): Outcome {
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
  // The database has lost commits that it had acknowledged: a standby that lags, or a restored backup.
  return "unknown";
}
