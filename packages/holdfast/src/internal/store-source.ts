import { join } from "node:path";
import type { ActorStore, ArchiveSource } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import { importStorePackage, refuseBucket, sharedStore } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";

/** Where a registry keeps its actors. */
export interface StoreSource {
  /** Opens the store with the ports of its registry. */
  open(ports: Ports): ActorStore | Promise<ActorStore>;
  /** For people, without a password. */
  readonly description: string;
}

export interface StoreOptions {
  readonly dataDirectory: string;
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number };
}

/** The part of `@holdfast/store-postgres` that is used here: the package may be missing. */
export interface PostgresModule {
  migrateToPostgres(
    options: MigrationOptions & {
      readonly ports: Ports;
      readonly blobs?: unknown;
      readonly onProgress?: (progress: MigrationProgress) => void;
    },
  ): Promise<MigrationReport>;
  planMigration(options: MigrationOptions): Promise<MigrationPlan>;
  bucketFromUrl(url: string): unknown;
}

interface MigrationOptions {
  readonly url: string;
  readonly databases: readonly string[];
  readonly source: ArchiveSource;
}

export interface MigrationProgress {
  readonly phase: "copy" | "verify";
  readonly done: number;
  readonly total: number;
}

export interface MigrationPlan {
  readonly existing: number;
  readonly destroyed: number;
  readonly state: "not begun" | "unfinished" | "finished";
}

export interface MigrationReport {
  readonly existing: number;
  readonly destroyed: number;
  readonly resumed: number;
  readonly isRepeated: boolean;
  readonly log: number;
  readonly entries: number;
  readonly calls: number;
  readonly databases: number;
  readonly objects: number;
  readonly bytes: number;
}

/** SQLite in the data directory, the default of every registry. Throws `gateway.invalid_config`. */
export function sqliteSource({ dataDirectory, ...options }: StoreOptions): StoreSource {
  refuseBucket();
  return {
    open: (ports) => openSqliteStore({ path: join(dataDirectory, "actors"), ports, ...options }),
    description: dataDirectory,
  };
}

/**
 * The PostgreSQL database at `url`, or several with commas, or the Redis server there; the data directory has only copies
 * of what is there. Throws `gateway.invalid_config` for another URL.
 */
export function serverSource(url: string, options: StoreOptions): StoreSource {
  return sharedStore(url, options);
}

/** Throws `store.package_missing`. */
export async function importPostgres(): Promise<PostgresModule> {
  return (await importStorePackage()) as PostgresModule;
}
