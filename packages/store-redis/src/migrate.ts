import type { ArchiveSource } from "@holdfast/actors";
import {
  type MigrationPlan,
  type MigrationProgress,
  type MigrationReport,
  type MigrationTarget,
  migrate,
  migrationState,
} from "@holdfast/store-kit";
import { ActorData } from "./internal/actor-data.ts";
import { Blobs } from "./internal/blobs.ts";
import { Connection } from "./internal/connection/connection.ts";
import { Connections } from "./internal/connection/connections.ts";
import { parseAddress } from "./internal/connection/url.ts";
import { mapServerError } from "./internal/errors.ts";
import { keyPrefix } from "./internal/keys.ts";
import { ArchiveWriter } from "./internal/migrate/archive-writer.ts";
import { MigrationMark } from "./internal/migrate/mark.ts";
import { StoredActors } from "./internal/migrate/stored-actors.ts";
import { prepareServer } from "./internal/server/server.ts";
import { redisStoreLimits as limits } from "./limits.ts";
import type { RedisStoreOptions } from "./types.ts";

/** Options of `migrateToRedis`. */
export interface MigrateOptions
  extends Pick<RedisStoreOptions, "url" | "ports" | "prefix" | "durability" | "shards"> {
  readonly source: ArchiveSource;
  readonly onProgress?: (progress: MigrationProgress) => void;
}

/**
 * Copies all actors of another store to a server where the store has none: rows, history, entries, call records, databases
 * and objects. Then reads everything back, and compares counts and a SHA-256 of each actor with the source. Can be stopped
 * at any point and repeated; until it has finished, no store opens there (`store.migrate_unfinished`).
 *
 * Throws `migrate.not_empty` (there is other data), `migrate.source_changed` (the source was migrated before, and has been
 * used since), `migrate.mismatch` (an actor differs), and the errors of `openRedisStore`.
 */
export async function migrateToRedis(options: MigrateOptions): Promise<MigrationReport> {
  const { ports, source } = options;
  const retry = {
    forMs: limits.retryForMs,
    minDelayMs: limits.minRetryDelayMs,
    maxDelayMs: limits.maxRetryDelayMs,
  };
  const { settings, prefix } = await prepareServer(options, retry, "migrate");
  const connections = new Connections(settings, retry);
  const blobs = new Blobs(ports, connections, prefix);
  const sources = { connections, prefix, blobs, data: new ActorData(connections, prefix) };
  const mark = new MigrationMark(connections, prefix, source.id);
  const stored = new StoredActors(sources);
  const writer = new ArchiveWriter({ connections, prefix, blobs, now: () => ports.clock.now() });
  const target: MigrationTarget = {
    state: () => mark.read(),
    begin: () => mark.begin(),
    finish: (fingerprint) => mark.finish(fingerprint),
    records: (wanted) => stored.records(wanted),
    count: () => stored.count(),
    summary: ({ id }, calls) => stored.summary(id, calls),
    write: (archive) => writer.write(archive),
    flush: () => writer.flush(),
    get isFlushed() {
      return writer.isFlushed;
    },
  };
  try {
    return await migrate(options, target);
  } finally {
    await writer.flush().catch(() => {});
    await blobs.close();
    await connections.close();
  }
}

/** What {@link migrateToRedis} would do. Changes nothing. */
export async function planMigration(
  options: Pick<MigrateOptions, "url" | "ports" | "prefix" | "source">,
): Promise<MigrationPlan> {
  const { url, ports, source } = options;
  const address = parseAddress(url);
  const { connectTimeoutMs } = limits;
  const connection = new Connection({
    ports,
    address,
    connectTimeoutMs,
    silenceTimeoutMs: 2 * connectTimeoutMs,
  });
  const server = {
    command: (...command: Parameters<typeof connection.send>[0]) => connection.send(command),
    run: (script: Parameters<typeof connection.run>[0], ...args: Parameters<typeof connection.run>[1]) =>
      connection.run(script, args),
  };
  try {
    const mark = new MigrationMark(server, keyPrefix(options.prefix ?? address.prefix), source.id);
    return { ...source.count(), state: migrationState(await mark.read()) };
  } catch (error) {
    throw mapServerError(error);
  } finally {
    await connection.close();
  }
}
