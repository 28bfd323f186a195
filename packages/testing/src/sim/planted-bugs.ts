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
  /** A node does not count the time in which its machine was suspended. */
  "forget-suspension",
  /** Actors stay in memory when their shard is handed over. */
  "skip-vacate",
  /** Held connections stay at the old node when their actor moves. */
  "keep-connections",
  /** Messages to actors of other nodes are taken for delivered. */
  "drop-delivery",
  /** A forwarded request that may have arrived is sent again with another key. */
  "forward-twice",
  /** Commits of an owner whose actor has moved are applied. */
  "skip-fence-on-move",
  /** A node measures its session with the wall clock of its machine, which jumps. */
  "renew-with-local-time",
  /** A node that was drained stays drained when it starts again. */
  "forget-drain-flag",
  /** A node sends requests for ever to the node that it has found first. */
  "stale-map",
  /** Some page rows of databases are not written. */
  "drop-page",
  /** Some pages of a database are loaded with an earlier row over a later one. */
  "pages-out-of-order",
  /** The next owner of an actor gets a schedule again that the last one has fired. */
  "alarm-at-handover",
  /** A node that hands over its actors acknowledges commits before they are durable. */
  "early-ack-at-handover",
  /** A node takes shards from a holder that lives. */
  "claim-live-shard",
  /** A shard is handed over before its actors sleep. */
  "handover-before-sleep",
  /** What connections have missed is not stored when their actor moves. */
  "lose-missed-events",
  /** A node of an older release wakes actors whose state a newer one has migrated. */
  "wake-newer-state",
  /** A node goes on although the store has lost changes that it has seen. */
  "ignore-lost-changes",
  /** The connections that an actor has brought from another node are continued again at its next starts. */
  "resume-twice",
] as const;

export type PlantedBug = (typeof plantedBugs)[number] | (typeof plantedClusterBugs)[number];
