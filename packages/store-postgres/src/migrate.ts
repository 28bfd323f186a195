import { createHash } from "node:crypto";
import type { ActorRecord, ArchiveSource } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { RetryLimits } from "@holdfast/store-kit";
import { Blobs } from "./internal/blobs/blobs.ts";
import { type Bucket, openBucket } from "./internal/blobs/bucket.ts";
import { TurnStatements } from "./internal/commit/statements.ts";
import { Connections } from "./internal/connection/connections.ts";
import { LongConnections } from "./internal/connection/long-connections.ts";
import type { SqlParameter } from "./internal/connection/transaction-query.ts";
import { type ArchiveSummary, summaryOf } from "./internal/migrate/archive-digest.ts";
import { ArchiveWriter } from "./internal/migrate/archive-writer.ts";
import { type MigrationDatabase, MigrationDatabases } from "./internal/migrate/databases.ts";
import { inspectTarget, type MigrationState } from "./internal/migrate/inspect.ts";
import { MigrationMark } from "./internal/migrate/mark.ts";
import { MigrationTarget } from "./internal/migrate/target.ts";
import { ShardRanges } from "./internal/routing/shard-ranges.ts";
import { type PreparedServer, prepareServers, schemaOf } from "./internal/server.ts";
import { postgresStoreLimits as limits } from "./limits.ts";
import type { PostgresStoreOptions } from "./types.ts";

/** Options of `migrateToPostgres`. */
export interface MigrateOptions
  extends Pick<PostgresStoreOptions, "url" | "databases" | "ports" | "schema" | "shards" | "blobs"> {
  readonly source: ArchiveSource;
  readonly onProgress?: (progress: MigrationProgress) => void;
}

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

/** Number of actors whose rows are looked up together, and of those that are verified at a time. */
const actorsPerLookup = 500;
const actorsPerProgress = 100;
const verifiedAtOnce = 4;

/**
 * Copies all actors of another store into an empty database, or divides them among several: rows, history, entries, call records, databases and
 * objects. Then reads everything back, and compares counts and a SHA-256 of each actor with the source. Can be stopped
 * at any point and repeated; until it has finished, no store opens the database (`store.migrate_unfinished`).
 *
 * Throws `migrate.not_empty` (the database has other data), `migrate.source_changed` (the source was migrated before, and
 * has been used since), `migrate.mismatch` (an actor differs), and the errors of `openPostgresStore`.
 */
export async function migrateToPostgres(options: MigrateOptions): Promise<MigrationReport> {
  const { ports, source } = options;
  const retry = {
    forMs: limits.retryForMs,
    minDelayMs: limits.minRetryDelayMs,
    maxDelayMs: limits.maxRetryDelayMs,
  };
  const { servers, firsts } = await prepareServers(options, retry, "migrate");
  const bucket = options.blobs === undefined ? undefined : await openBucket(options.blobs, ports);
  const opened = servers.map((server) => openDatabase(server, bucket, { ports, retry, sourceId: source.id }));
  const ranges = new ShardRanges(firsts, servers[0]?.shards ?? 1);
  const databases = new MigrationDatabases(
    opened.map(({ database }) => database),
    ranges,
  );
  try {
    return await new Migration(options, databases).run();
  } finally {
    for (const { close } of opened) await close();
    bucket?.close();
  }
}

interface OpenedDatabase {
  readonly database: MigrationDatabase;
  readonly close: () => Promise<void>;
}

function openDatabase(
  { client, settings, schema, shards }: PreparedServer,
  bucket: Bucket | undefined,
  {
    ports,
    retry,
    sourceId,
  }: Pick<MigrateOptions, "ports"> & {
    readonly retry: RetryLimits;
    readonly sourceId: string;
  },
): OpenedDatabase {
  const connections = new Connections({ settings, ports, retry, turns: 1, reads: 2 });
  const readers = new LongConnections(client, verifiedAtOnce, ports.log);
  const blobs = new Blobs({ ports, connections, schema, shards, bucket });
  const statements = new TurnStatements(schema, { maxAgeMs: 0, maxBytes: 0 });
  const query = (text: string, values: readonly SqlParameter[]) =>
    connections.read({ text, values, returns: true });
  const database = {
    target: new MigrationTarget({ connections, readers, blobs, schema, shards }),
    writer: new ArchiveWriter({ connections, statements, blobs, schema, shards }),
    mark: new MigrationMark(query, schema, sourceId),
  };
  const close = async () => {
    await blobs.close();
    await readers.close();
    await connections.close();
  };
  return { database, close };
}

/** What {@link migrateToPostgres} would do. Changes nothing. */
export async function planMigration(
  options: Pick<MigrateOptions, "url" | "databases" | "schema" | "source">,
): Promise<MigrationPlan> {
  const { source, url, databases = [] } = options;
  const state = await inspectTarget(url, schemaOf(options), source.id);
  for (const other of databases) {
    const same = await inspectTarget(other, schemaOf({ ...options, url: other }), source.id);
    if (same !== state) return { ...source.count(), state: "unfinished" };
  }
  return { ...source.count(), state };
}

export interface MigrationPlan {
  readonly existing: number;
  readonly destroyed: number;
  /** How far an earlier attempt from the same source got. */
  readonly state: MigrationState;
}

class Migration {
  readonly #options: MigrateOptions;
  readonly #databases: MigrationDatabases;
  readonly #existing: number;
  readonly #total: number;

  constructor(options: MigrateOptions, databases: MigrationDatabases) {
    this.#options = options;
    this.#databases = databases;
    const { existing, destroyed } = options.source.count();
    this.#existing = existing;
    this.#total = existing + destroyed;
  }

  async run(): Promise<MigrationReport> {
    const databases = this.#databases;
    const { source } = this.#options;
    const finished = await databases.state();
    const fingerprint = fingerprintOf(source);
    if (finished !== undefined && finished !== 0) {
      if (finished !== fingerprint) throw sourceChanged();
      return this.#report({ ...nothing, resumed: 0, isRepeated: true });
    }
    await databases.begin();
    const resumed = await this.#copy(finished === undefined);
    const content = await this.#verify();
    await databases.finish(fingerprint);
    return this.#report({ ...content, resumed, isRepeated: false });
  }

  #report(content: Omit<MigrationReport, "existing" | "destroyed">): MigrationReport {
    return { existing: this.#existing, destroyed: this.#total - this.#existing, ...content };
  }

  /** Returns the number of actors that were there already. */
  async #copy(isFirst: boolean): Promise<number> {
    const databases = this.#databases;
    const { source, ports } = this.#options;
    // Expired call records are left behind.
    const now = ports.clock.now();
    let resumed = 0;
    let done = 0;
    for (const records of chunksOf(source.records(), actorsPerLookup)) {
      const stored = isFirst ? new Map<string, ActorRecord>() : await databases.records(records);
      for (const record of records) {
        done += 1;
        const before = stored.get(record.id);
        if (before !== undefined && versionOf(before) === versionOf(record)) {
          resumed += 1;
          continue;
        }
        await databases.write(await source.read(record, now));
        if (databases.isFlushed) this.#progress("copy", done);
      }
    }
    await databases.flush();
    this.#progress("copy", done);
    return resumed;
  }

  async #verify(): Promise<Omit<ArchiveSummary, "digest">> {
    const { source } = this.#options;
    const counted = await this.#databases.count();
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
    const expected = await summaryOf(await this.#options.source.read(record, now));
    const stored = await this.#databases.summary(record, now);
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
  const message = `${what}. The source is unchanged: drop the schema of the database, and repeat`;
  return new HoldfastError("migrate", "mismatch", message);
}
