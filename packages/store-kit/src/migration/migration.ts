/** Migrations of all actors of another store: the copy, its verification, and the port to the store that gets them. */
import { createHash } from "node:crypto";
import type { ActorArchive, ActorRecord, ArchiveSource } from "@holdfast/actors";
import { HoldfastError, type Ports } from "@holdfast/core";
import { type ArchiveSummary, summaryOf } from "./archive-digest.ts";

/** Where a migration writes. Everything may be repeated, over lost connections and by the next attempt. */
export interface MigrationTarget {
  /**
   * The fingerprint of a finished migration from the same source; 0 for an unfinished one, undefined for none. Throws
   * `migrate.not_empty` if there is data of another origin.
   */
  state(): Promise<number | undefined>;
  /** Notes that only a part may be there: until `finish`, no store opens. Throws `migrate.not_empty`. */
  begin(): Promise<void>;
  finish(fingerprint: number): Promise<void>;
  /** The stored records of these actors, as far as they exist, by id. */
  records(wanted: readonly ActorRecord[]): Promise<ReadonlyMap<string, ActorRecord>>;
  count(): Promise<{ readonly existing: number; readonly destroyed: number }>;
  /** Reads an actor to its end; undefined if it does not exist. */
  summary(record: ActorRecord, calls: ExpectedCalls): Promise<ArchiveSummary | undefined>;
  /** Writes an actor instead of what an earlier attempt left of it. It exists once all of it does. */
  write(archive: ActorArchive): Promise<void>;
  /** Resolves when everything that was written is stored. */
  flush(): Promise<void>;
  /** True if nothing that was written waits. */
  readonly isFlushed: boolean;
}

/** The call records that an actor must have: those that expire after `now`. */
export interface ExpectedCalls {
  readonly now: number;
  readonly keys: readonly string[];
}

export interface MigrationOptions {
  readonly ports: Pick<Ports, "clock">;
  readonly source: ArchiveSource;
  readonly onProgress?: (progress: MigrationProgress) => void;
}

/** How far a migration is. */
export interface MigrationProgress {
  readonly phase: "copy" | "verify";
  /** Number of actors, existing and destroyed. */
  readonly done: number;
  readonly total: number;
}

/** What a migration has moved. */
export interface MigrationReport extends Omit<ArchiveSummary, "digest"> {
  readonly existing: number;
  readonly destroyed: number;
  /** Actors that an earlier attempt had copied. */
  readonly resumed: number;
  /** True if an earlier migration of the same content has finished: nothing was done. */
  readonly isRepeated: boolean;
}

/** How far a migration from one source is. */
export type MigrationState = "not begun" | "unfinished" | "finished";

/** What a migration would do. */
export interface MigrationPlan {
  readonly existing: number;
  readonly destroyed: number;
  /** How far an earlier attempt from the same source got. */
  readonly state: MigrationState;
}

/** Number of actors whose rows are looked up together, and between two reports of progress. */
const actorsPerLookup = 500;
const actorsPerProgress = 100;
/** Number of actors that are verified at a time. */
export const verifiedAtOnce = 4;

/**
 * Copies all actors of a source, then reads everything back, and compares counts and a SHA-256 of each actor. Can be
 * stopped at any point and repeated. Throws `migrate.not_empty`, `.source_changed`, `.mismatch`, and what the target does.
 */
export function migrate(options: MigrationOptions, target: MigrationTarget): Promise<MigrationReport> {
  return new Migration(options, target).run();
}

/** The state that a fingerprint stands for. */
export function migrationState(fingerprint: number | undefined): MigrationState {
  if (fingerprint === undefined) return "not begun";
  return fingerprint === 0 ? "unfinished" : "finished";
}

/** Throws `migrate.not_empty`. */
export function notEmpty(what: string): HoldfastError {
  const message = `The database already has ${what}, and a migration needs an empty one. Create a database, and name it in --to`;
  return new HoldfastError("migrate", "not_empty", message, { statusCode: 409 });
}

/** Other data that a migration finds in its target. */
export const otherData = {
  migrated: "actors that were migrated from another data directory",
  actors: "actors of its own",
  objects: "objects of actors",
  nodes: "nodes that are running",
} as const;

/** Of a store, if only a part of an installation may be there; `remedy` is the way to begin anew. */
export function unfinishedMigration(remedy: string): HoldfastError {
  const message = `A migration into this database is not finished. Repeat holdfast migrate, which goes on where it stopped; or ${remedy} to begin anew`;
  return new HoldfastError("store", "migrate_unfinished", message, { statusCode: 503 });
}

class Migration {
  readonly #options: MigrationOptions;
  readonly #target: MigrationTarget;
  readonly #existing: number;
  readonly #total: number;

  constructor(options: MigrationOptions, target: MigrationTarget) {
    this.#options = options;
    this.#target = target;
    const { existing, destroyed } = options.source.count();
    this.#existing = existing;
    this.#total = existing + destroyed;
  }

  async run(): Promise<MigrationReport> {
    const target = this.#target;
    const { source } = this.#options;
    const finished = await target.state();
    const fingerprint = fingerprintOf(source);
    if (finished !== undefined && finished !== 0) {
      if (finished !== fingerprint) throw sourceChanged();
      return this.#report({ ...nothing, resumed: 0, isRepeated: true });
    }
    await target.begin();
    const resumed = await this.#copy(finished === undefined);
    const content = await this.#verify();
    await target.finish(fingerprint);
    return this.#report({ ...content, resumed, isRepeated: false });
  }

  #report(content: Omit<MigrationReport, "existing" | "destroyed">): MigrationReport {
    return { existing: this.#existing, destroyed: this.#total - this.#existing, ...content };
  }

  /** Returns the number of actors that were there already. */
  async #copy(isFirst: boolean): Promise<number> {
    const target = this.#target;
    const { source, ports } = this.#options;
    // Expired call records are left behind.
    const now = ports.clock.now();
    let resumed = 0;
    let done = 0;
    for (const records of chunksOf(source.records(), actorsPerLookup)) {
      const stored = isFirst ? new Map<string, ActorRecord>() : await target.records(records);
      for (const record of records) {
        done += 1;
        const before = stored.get(record.id);
        if (before !== undefined && versionOf(before) === versionOf(record)) {
          resumed += 1;
          continue;
        }
        await target.write(await source.read(record, now));
        if (target.isFlushed) this.#progress("copy", done);
      }
    }
    await target.flush();
    this.#progress("copy", done);
    return resumed;
  }

  async #verify(): Promise<Omit<ArchiveSummary, "digest">> {
    const { source } = this.#options;
    const counted = await this.#target.count();
    if (counted.existing !== this.#existing || counted.existing + counted.destroyed !== this.#total) {
      throw mismatch(
        `The database has ${counted.existing} actors and ${counted.destroyed} destroyed ones instead of ${this.#existing} and ${this.#total - this.#existing}`,
      );
    }
    const total = { ...nothing };
    let done = 0;
    const records = source.records()[Symbol.iterator]();
    let isStopped = false;
    const work = async (): Promise<void> => {
      try {
        for (let next = records.next(); next.done !== true && !isStopped; next = records.next()) {
          addTo(total, await this.#verifyActor(next.value));
          done += 1;
          if (done % actorsPerProgress === 0) this.#progress("verify", done);
        }
      } finally {
        isStopped = true;
      }
    };
    const workers = await Promise.allSettled(Array.from({ length: verifiedAtOnce }, work));
    for (const worker of workers) if (worker.status === "rejected") throw worker.reason;
    this.#progress("verify", done);
    return total;
  }

  async #verifyActor(record: ActorRecord): Promise<ArchiveSummary> {
    const now = this.#options.ports.clock.now();
    const calls: string[] = [];
    const archive = await this.#options.source.read(record, now);
    const expected = await summaryOf(archive, (key) => void calls.push(key));
    const stored = await this.#target.summary(record, { now, keys: calls });
    if (stored?.digest === expected.digest) return expected;
    throw mismatch(`The actor ${record.id} (${record.name}) is not in the database as it is in the source`);
  }

  #progress(phase: MigrationProgress["phase"], done: number): void {
    this.#options.onProgress?.({ phase, done, total: this.#total });
  }
}

const nothing = { log: 0, entries: 0, calls: 0, databases: 0, objects: 0, bytes: 0 };

function addTo(total: Record<keyof typeof nothing, number>, more: ArchiveSummary): void {
  for (const name of Object.keys(nothing) as (keyof typeof nothing)[]) total[name] += more[name];
}

function* chunksOf<T>(source: Iterable<T>, size: number): Generator<readonly T[]> {
  let chunk: T[] = [];
  for (const item of source) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** Changes with every commit and every owner. */
function versionOf({ epoch, version, destroyedAt }: ActorRecord): string {
  return `${epoch} ${version} ${destroyedAt ?? ""}`;
}

/** Fits into a `bigint` column and a number; never 0. */
function fingerprintOf(source: ArchiveSource): number {
  const hash = createHash("sha256");
  for (const record of source.records()) hash.update(`${record.id} ${versionOf(record)}\n`);
  return hash.digest().readUIntBE(0, 6) || 1;
}

function sourceChanged(): HoldfastError {
  const message =
    "This data directory was migrated into the database before, and has been used since: those changes are not in the database. Migrate it into an empty database, or go on with what is there";
  return new HoldfastError("migrate", "source_changed", message, { statusCode: 409 });
}

function mismatch(what: string): HoldfastError {
  const message = `${what}. The source is unchanged: empty the database (drop the schema, or remove the keys), and repeat`;
  return new HoldfastError("migrate", "mismatch", message);
}
