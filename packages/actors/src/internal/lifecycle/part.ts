import type { KvEntry } from "../../ports/records.ts";

/**
 * Records of the parts of an actor, by the first byte of their key in the record space. Those below
 * `firstCold` are read at every wake and stay small; the others are read when they are needed. Each
 * value begins with a byte of format. Golden files hold them; a number is never given a new meaning.
 */
export const recordPrefix = {
  /** What the runtime itself remembers: version of the state, inspector token, wake-up of `run`. */
  meta: 0x01,
  schedule: 0x02,
  connection: 0x03,
  queue: 0x04,
  workflow: 0x05,
  /** Values of `c.kv` that are kept as objects. */
  kvStream: 0x06,
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

/** The hot records of an actor that wakes, by the first byte of their key; keys are whole. */
export type HotRecords = ReadonlyMap<number, readonly KvEntry[]>;

/**
 * A part of a running actor that keeps records of its own: queues, schedules, the `run` handler, the
 * database. What it writes to `actor.records` commits with the turn that is open. Every method may
 * be absent.
 */
export interface Part {
  /** Before any hook, at each start; `hot` is empty for a new actor. */
  load?(hot: HotRecords, isNew: boolean): Promise<void> | void;
  /** After `onWake`, once the actor is ready. */
  started?(): void;
  /** The turn closes: the last chance to write what belongs to it. */
  closing?(): void;
  /** A transaction begins: what changes from now on may be taken back. Records are taken back by themselves. */
  savepoint?(): void;
  /** The transaction has failed: memory is to be as it was at `savepoint`. Records already are. */
  rollback?(): void;
  /** The transaction has succeeded; its turn closes next. */
  keep?(): void;
  /** The commit of `version` is durable. */
  landed?(version: number): void;
  /** When this part wants the actor in memory, in milliseconds since the epoch. */
  readonly wakeAt?: number | undefined;
  /** The actor begins to stop: waits end, nothing new begins. */
  stopping?(): void;
  /** The actor is about to be gone for good, within the grace of its stop: tells others what they wait for. */
  leaving?(): Promise<void>;
  /** No change is taken any more; the last turn closes next. */
  sealed?(): void;
  /** The instance is out of memory. */
  stopped?(): void;
}
