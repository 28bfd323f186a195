import type { ArchiveSource } from "@holdfast/actors";
import {
  type MigrationPlan,
  type MigrationProgress,
  type MigrationReport,
  migrate,
  type RetryLimits,
  verifiedAtOnce,
} from "@holdfast/store-kit";
import { Blobs } from "./internal/blobs/blobs.ts";
import { type Bucket, openBucket } from "./internal/blobs/bucket.ts";
import { TurnStatements } from "./internal/commit/statements.ts";
import { Connections } from "./internal/connection/connections.ts";
import { LongConnections } from "./internal/connection/long-connections.ts";
import type { SqlParameter } from "./internal/connection/transaction-query.ts";
import { ArchiveWriter } from "./internal/migrate/archive-writer.ts";
import { type MigrationDatabase, MigrationDatabases } from "./internal/migrate/databases.ts";
import { inspectTarget } from "./internal/migrate/inspect.ts";
import { MigrationMark } from "./internal/migrate/mark.ts";
import { StoredActors } from "./internal/migrate/stored-actors.ts";
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
    return await migrate(options, databases);
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
    stored: new StoredActors({ connections, readers, blobs, schema, shards }),
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
