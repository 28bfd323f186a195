/** Limits that all stores on a server share. Sizes are bytes. */
export const remoteStoreLimits = {
  /** Maximum size of one piece of a large object. */
  maxPieceBytes: 1_048_576,
  /** Size of a local copy's log at which it is checkpointed. */
  localCheckpointBytes: 4 * 1_048_576,
  /** Interval between progress messages while a database loads. */
  progressBytes: 64 * 1_048_576,
} as const;
