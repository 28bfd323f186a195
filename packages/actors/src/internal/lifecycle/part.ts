import type { KvEntry } from "../../ports/records.ts";

/**
 * Prefixes of the records of parts: the first byte of a key in the record space. Records below `firstCold` are read at
 * every wake and stay small; the others are read on demand. Each value starts with a format byte. Golden files pin the
 * prefixes, and a number never changes its meaning.
 */
export const recordPrefix = {
  /** The runtime's own records: state version, inspector token, wake-up of `run`. */
  meta: 0x01,
  schedule: 0x02,
  connection: 0x03,
  queue: 0x04,
  workflow: 0x05,
  /** Values of `c.kv` that are stored as objects. */
  kvStream: 0x06,
  /** Connections that wait for their clients at the actor's next node: deleted by the wake that reads them. */
  movedConnection: 0x07,
  firstCold: 0x40,
  queueMessage: 0x41,
  queueResult: 0x42,
  queueDedupe: 0x43,
  outbox: 0x44,
  queueChunk: 0x45,
  queueDead: 0x46,
  scheduleHistory: 0x50,
  workflowHistory: 0x60,
  blob: 0x70,
} as const;

/** The hot records of a waking actor, by the first byte of their key; keys are complete. */
export type HotRecords = ReadonlyMap<number, readonly KvEntry[]>;

/**
 * A part of a running actor with its own records: queues, schedules, the `run` handler, the database. Its writes to
 * `actor.records` commit with the open turn. All methods are optional.
 */
export interface Part {
  /** Called at each start, before any hook; `hot` is empty for a new actor. */
  load?(hot: HotRecords, isNew: boolean): Promise<void> | void;
  /** Called after `onWake`, once the actor is ready. */
  started?(): void;
  /** Called when the turn closes: the last chance to write changes that belong to it. */
  closing?(): void;
  /** Called when a transaction starts: later changes may be rolled back. Records have their own rollback. */
  savepoint?(): void;
  /** Called when the transaction has failed: restores the memory of `savepoint`. Records are already restored. */
  rollback?(): void;
  /** Called when the transaction has succeeded; its turn closes next. */
  keep?(): void;
  /** Called when the commit of `version` is durable. */
  landed?(version: number): void;
  /** When this part needs the actor in memory, in milliseconds since the epoch. */
  readonly wakeAt?: number | undefined;
  /** Called when the actor starts to stop: ends waits and starts nothing new. */
  stopping?(): void;
  /** Called before the actor is destroyed, within the grace period: notifies others that wait for it. */
  destroying?(): Promise<void>;
  /** Called when no more changes are accepted; the last turn closes next. */
  sealed?(): void;
  /** Called when the instance is out of memory. */
  stopped?(): void;
}
