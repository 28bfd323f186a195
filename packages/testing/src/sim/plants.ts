/**
 * Bugs that are planted in the simulated store or network, one at a time: a simulator that does not
 * find them measures nothing.
 */
export const plants = [
  /** A commit of an instance that another has taken over from is applied. */
  "skip-fence",
  /** A commit is acknowledged before it is durable. */
  "early-ack",
  /** Of a commit only the state is kept, now and then. */
  "torn-commit",
  /** Of a commit the SQL is not kept, now and then. */
  "tear-database",
  /** The bytes of an object are not kept, now and then. */
  "drop-blob",
  /** The message of a queue is not written, now and then. */
  "drop-queue-message",
  /** A schedule that has fired is not removed, now and then. */
  "alarm-twice",
  /** The store forgets when an actor wants to be woken. */
  "forget-wake",
  /** The outcomes of keyed calls are not kept. */
  "forget-calls",
  /** An actor wakes without its last change. */
  "stale-wake",
  /** An event does not reach its connection, now and then. */
  "drop-event",
  /** An event reaches its connection twice, now and then. */
  "repeat-event",
  /** What is on its way to the queue of another actor is not written, now and then. */
  "drop-outbox",
  /** A signal for a workflow is not written, now and then. */
  "drop-signal",
  /** What a connection is remembered by is not written, now and then. */
  "forget-connection",
  /** An actor that was destroyed lives on, now and then. */
  "forget-destroy",
  /** Steps of workflows are not recorded, now and then. */
  "forget-step",
  /** What those who wait for a message are told is not kept, now and then. */
  "forget-answer",
] as const;

export type Plant = (typeof plants)[number];
