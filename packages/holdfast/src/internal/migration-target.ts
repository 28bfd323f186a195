/** Where `holdfast migrate` moves actors: databases of PostgreSQL, or a server of Redis or Valkey. */
import type { ArchiveSource } from "@holdfast/actors";
import { type Ports, systemPorts } from "@holdfast/core";
import {
  bucketUrl,
  describeDatabases,
  importStorePackage,
  postgresUrls,
  redisUrl,
  refuseBucket,
  serverKind,
} from "@holdfast/server";

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

export interface MigrationTarget {
  /** Kind of the server, for people. */
  readonly kind: ReturnType<typeof serverKind>;
  /** Host and database, without a password. */
  readonly place: string;
  /** Changes nothing. Throws `store.package_missing`. */
  plan(source: ArchiveSource): Promise<MigrationPlan>;
  /** Throws `store.package_missing`. */
  migrate(source: ArchiveSource, onProgress: (progress: MigrationProgress) => void): Promise<MigrationReport>;
}

interface Options {
  readonly url: string;
  readonly source: ArchiveSource;
  readonly ports: Ports;
}

interface Progress {
  readonly onProgress: (progress: MigrationProgress) => void;
}

/** The parts of the packages of stores that are used here: one of them may be missing. */
interface PostgresModule {
  migrateToPostgres(
    options: Options & Databases & Progress & { readonly blobs?: unknown },
  ): Promise<MigrationReport>;
  planMigration(options: Options & Databases): Promise<MigrationPlan>;
  bucketFromUrl(url: string): unknown;
}

interface RedisModule {
  migrateToRedis(options: Options & Progress): Promise<MigrationReport>;
  planMigration(options: Options): Promise<MigrationPlan>;
}

interface Databases {
  readonly databases: readonly string[];
}

/** Undefined for what is no URL of such a server. `bucket` is for large objects, and for PostgreSQL alone. */
export function migrationTarget(text: string, bucket: string | undefined): MigrationTarget | undefined {
  const server = redisUrl(text);
  if (server !== undefined) return redisTarget(server);
  const urls = postgresUrls(text);
  return urls === undefined ? undefined : postgresTarget(urls, bucket ?? bucketUrl());
}

/** Throws `gateway.invalid_config` if the environment names a bucket. */
function redisTarget(server: URL): MigrationTarget {
  refuseBucket();
  const { hostname, port, pathname, href: url } = server;
  const module = async () => (await importStorePackage("Redis")) as RedisModule;
  return {
    kind: serverKind(server),
    place: `${hostname}:${port || 6379}${pathname}`,
    plan: async (source) => (await module()).planMigration({ url, source, ports: systemPorts() }),
    migrate: async (source, onProgress) =>
      (await module()).migrateToRedis({ url, source, onProgress, ports: systemPorts() }),
  };
}

function postgresTarget(urls: readonly [URL, ...URL[]], bucket: string | undefined): MigrationTarget {
  const [{ href: url }, ...others] = urls;
  const to = { url, databases: others.map(({ href }) => href), ports: systemPorts() };
  const module = async () => (await importStorePackage("PostgreSQL")) as PostgresModule;
  return {
    kind: "PostgreSQL",
    place: describeDatabases(urls),
    plan: async (source) => (await module()).planMigration({ ...to, source }),
    async migrate(source, onProgress) {
      const { migrateToPostgres, bucketFromUrl } = await module();
      const blobs = bucket === undefined ? {} : { blobs: bucketFromUrl(bucket) };
      return migrateToPostgres({ ...to, ...blobs, source, onProgress });
    },
  };
}
