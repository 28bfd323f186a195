/** Bugs that can be planted in the simulated store or network, one at a time. The simulator must find each of them. */
export const plantedBugs = [
  /** Commits of a fenced instance are applied. */
  "skip-fence",
  /** Commits are acknowledged before they are durable. */
  "early-ack",
  /** Some commits store only the state. */
  "torn-commit",
  /** Some commits lose their SQL. */
  "tear-database",
  /** The bytes of some blobs are lost. */
  "drop-blob",
  /** Some queue messages are lost. */
  "drop-queue-message",
  /** Some fired schedules are not removed. */
  "alarm-twice",
  /** The store forgets wake-up times. */
  "forget-wake",
  /** Outcomes of keyed calls are not stored. */
  "forget-calls",
  /** Actors wake without their last change. */
  "stale-wake",
  /** Some events do not reach their connection. */
  "drop-event",
  /** Some events reach their connection twice. */
  "repeat-event",
  /** Some outbox messages to other actors are not stored. */
  "drop-outbox",
  /** Some workflow signals are not stored. */
  "drop-signal",
  /** Some hibernation records of connections are not stored. */
  "forget-connection",
  /** Some destroyed actors stay alive. */
  "forget-destroy",
  /** Some workflow steps are not recorded. */
  "forget-step",
  /** Some responses to waiting senders are not stored. */
  "forget-answer",
] as const;

/** Bugs of several nodes, which show with at least two. */
export const plantedClusterBugs = [
  /** An owner answers although its lease has ended. */
  "answer-without-lease",
  /** A node believes that its session never expires. */
  "stopped-clock",
  /** Actors stay in memory when their shard is handed over. */
  "skip-vacate",
  /** Held connections stay at the old node when their actor moves. */
  "keep-connections",
  /** Messages to actors of other nodes are taken for delivered. */
  "drop-delivery",
  /** A forwarded request that may have arrived is sent again with another key. */
  "forward-twice",
] as const;

export type PlantedBug = (typeof plantedBugs)[number] | (typeof plantedClusterBugs)[number];
