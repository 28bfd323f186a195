import { HoldfastError } from "@holdfast/core";
import type { RunControl } from "../../types.ts";
import { BlobPart } from "../blob/blob-part.ts";
import { type DatabaseDependencies, DatabasePart, providerOf } from "../database/database-part.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import type { QueueDependencies } from "../queue/dependencies.ts";
import { QueuePart } from "../queue/part.ts";
import { type ScheduleDependencies, SchedulePart } from "../schedule/schedule-part.ts";
import { WorkflowPart } from "../workflow/run/part.ts";
import { programOf } from "../workflow/run/program.ts";
import type { WorkflowDependencies } from "../workflow/run/run.ts";
import { type HotRecords, type Part, recordPrefix } from "./part.ts";
import { RunHandler } from "./run-handler.ts";

/** What the parts need of their actor. */
export interface PartsDependencies
  extends DatabaseDependencies,
    QueueDependencies,
    ScheduleDependencies,
    WorkflowDependencies {
  readonly kv: KvBuffer;
  readonly parts: Parts;
}

/** What the store recorded about the parts of a waking actor. */
export interface StoredParts {
  readonly wakeAt: number | undefined;
  readonly hasDatabase: boolean;
}

/**
 * The parts of one running actor (queues, schedules, database, ...). A part is created when the definition needs
 * it, when it has records, or when user code first uses it.
 */
export class Parts {
  readonly #all: Part[] = [];
  #schedules: SchedulePart | undefined;
  #queues: QueuePart | undefined;
  protected readonly actor: PartsDependencies;

  /** Present when the definition has a `run` handler. */
  readonly run: RunHandler | undefined;

  /** Present when the `run` handler is a workflow. */
  readonly workflow: WorkflowPart | undefined;

  #database: DatabasePart | undefined;
  #blobs: BlobPart | undefined;

  /** The wake-up time that the store has. */
  #storedWakeAt: number | undefined;

  constructor(actor: PartsDependencies, stored: StoredParts | undefined) {
    this.actor = actor;
    this.#storedWakeAt = stored?.wakeAt;
    const { run, db } = actor.definition;
    // First, so that its tables exist before any other user code runs.
    if (db !== undefined || stored?.hasDatabase === true) this.database;
    if (run === undefined) return;
    const program = programOf(run.handler);
    if (program !== undefined) {
      this.workflow = new WorkflowPart(actor, program);
      this.#all.push(this.workflow);
      return;
    }
    this.run = new RunHandler(actor, run);
    this.#all.push(this.run);
  }

  /** `c.db`. */
  get database(): DatabasePart {
    if (this.#database === undefined) {
      const { db } = this.actor.definition;
      const provider = db === undefined ? undefined : providerOf(db);
      this.#database = new DatabasePart(this.actor, provider);
      this.#all.push(this.#database);
    }
    return this.#database;
  }

  /** Set if the actor has a database or has used `c.db`. */
  get existingDatabase(): DatabasePart | undefined {
    return this.#database;
  }

  /** `c.blob`, and the large values of `c.kv`. */
  get blobs(): BlobPart {
    if (this.#blobs === undefined) {
      this.#blobs = new BlobPart(this.actor, this.actor.host.store.blobs);
      this.#all.push(this.#blobs);
    }
    return this.#blobs;
  }

  /** Set once blobs have been used, or records of them were found. */
  get existingBlobs(): BlobPart | undefined {
    return this.#blobs;
  }

  /** True if the actor has data outside the store's log: a database or blobs. */
  get keepsFiles(): boolean {
    return this.#database !== undefined || this.#blobs !== undefined;
  }

  /** `c.schedule` and `c.cron`. */
  get schedules(): SchedulePart {
    if (this.#schedules === undefined) {
      this.#schedules = new SchedulePart(this.actor);
      this.#all.push(this.#schedules);
    }
    return this.#schedules;
  }

  /** `c.queue`, and what is sent to queues of other actors. */
  get queues(): QueuePart {
    if (this.#queues === undefined) {
      this.#queues = new QueuePart(this.actor);
      this.#all.push(this.#queues);
    }
    return this.#queues;
  }

  /** Does not create the queue part. */
  get queuedMessages(): number {
    return this.#queues?.mailbox.size ?? 0;
  }

  /** Creates the parts that the records need and loads all parts. */
  async load(hot: HotRecords, isNew: boolean): Promise<void> {
    if (hot.has(recordPrefix.schedule)) this.schedules;
    if (hot.has(recordPrefix.kvStream)) this.blobs;
    if (hot.has(recordPrefix.queue)) this.queues;
    for (const part of this.#all) await part.load?.(hot, isNew);
  }

  started(): void {
    for (const part of this.#all) part.started?.();
    // Cancels a stored wake-up that is no longer wanted, perhaps by another version of the program.
    if (this.wakeAt !== this.#storedWakeAt) this.actor.turn.dirty = true;
  }

  closing(): void {
    for (const part of this.#all) part.closing?.();
  }

  /** Throws what the database throws; no part has a savepoint then. */
  savepoint(): void {
    // The database goes first: no other part can fail here.
    this.#database?.savepoint();
    for (const part of this.#all) if (part !== this.#database) part.savepoint?.();
  }

  rollback(): void {
    for (const part of this.#all) part.rollback?.();
  }

  keep(): void {
    for (const part of this.#all) part.keep?.();
  }

  landed(version: number): void {
    for (const part of this.#all) part.landed?.(version);
  }

  /** The earliest time at which the actor has to be in memory, in whole milliseconds. */
  get wakeAt(): number | undefined {
    const { phase, definition } = this.actor;
    let earliest = phase.destroyBy(definition.options.sleepGracePeriod);
    for (const { wakeAt } of this.#all) {
      if (wakeAt !== undefined && (earliest === undefined || wakeAt < earliest)) earliest = wakeAt;
    }
    if (earliest === undefined) return undefined;
    // Stores accept only safe integers.
    return Math.min(Math.ceil(earliest), Number.MAX_SAFE_INTEGER);
  }

  get wakeAtChanged(): boolean {
    return this.wakeAt !== this.#storedWakeAt;
  }

  /** The wake-up time for the next commit, if it changed; null clears it. */
  takeWakeAt(): { readonly wakeAt: number | null } | undefined {
    const { wakeAt } = this;
    if (wakeAt === this.#storedWakeAt) return undefined;
    this.#storedWakeAt = wakeAt;
    return { wakeAt: wakeAt ?? null };
  }

  /** Throws `actor.run_not_defined`. */
  get runControl(): RunControl {
    if (this.run !== undefined) return this.run;
    const message = `The actor "${this.actor.name}" has no run handler`;
    throw new HoldfastError("actor", "run_not_defined", message, { statusCode: 500 });
  }

  sealed(): void {
    for (const part of this.#all) part.sealed?.();
  }

  async destroying(): Promise<void> {
    await Promise.all(this.#all.map((part) => part.destroying?.()));
  }

  stopping(): void {
    for (const part of this.#all) part.stopping?.();
  }

  stopped(): void {
    for (const part of this.#all) part.stopped?.();
  }
}
