import { join } from "node:path";
import type { ActorStore } from "@holdfast/actors";
import { HoldfastError, type Ports } from "@holdfast/core";
import { importOptional } from "@holdfast/core/optional-package";

export interface SharedStoreOptions {
  /** The directory that gets a folder for copies of what is in the database, of one process at a time. */
  readonly dataDirectory: string;
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number };
}

/** A store that several nodes can open. */
export interface SharedStore {
  open(ports: Ports): Promise<ActorStore>;
  /** For people, without a password. */
  readonly description: string;
}

/** Options of both packages. */
interface OpenOptions extends Omit<SharedStoreOptions, "dataDirectory"> {
  readonly url: string;
  readonly cachePath: string;
  readonly ports: Ports;
}

/** The part of `@holdfast/store-redis` that is used here: the package may be missing. */
interface RedisModule {
  openRedisStore(options: OpenOptions): Promise<ActorStore>;
}

/** The part of `@holdfast/store-postgres` that is used here: the package may be missing. */
interface PostgresModule {
  openPostgresStore(
    options: OpenOptions & {
      readonly databases: readonly string[];
      readonly unpooledUrl?: string;
      readonly blobs?: unknown;
    },
  ): Promise<ActorStore>;
  /** Throws `store.invalid_options`. */
  bucketFromUrl(url: string): unknown;
}

const postgres = "@holdfast/store-postgres";
const redis = "@holdfast/store-redis";

/** Folders in a data directory for copies of what is in the database. */
export const cacheFolders = ["postgres-cache", "redis-cache"] as const;

/**
 * The store in the PostgreSQL database at `url`, or in several with commas between their URLs, with large objects in the
 * bucket that HOLDFAST_BLOBS names; or the store on the Redis or Valkey server at `url`. Throws `gateway.invalid_config`
 * for another URL.
 */
export function sharedStore(urls: string, options: SharedStoreOptions): SharedStore {
  const { dataDirectory, ...common } = options;
  const [postgresCache, redisCache] = cacheFolders.map((folder) => join(dataDirectory, folder));
  const server = redisUrl(urls);
  if (server !== undefined) return redisStore(server, { ...common, cachePath: redisCache ?? "" });
  return postgresStore(urls, { ...common, cachePath: postgresCache ?? "" });
}

function redisStore(url: URL, options: Omit<OpenOptions, "url" | "ports">): SharedStore {
  refuseBucket();
  const { hostname, port, pathname } = url;
  return {
    description: `${serverKind(url)} at ${hostname}:${port || 6379}${pathname}`,
    open: async (ports) => {
      const { openRedisStore } = (await importStorePackage("Redis")) as RedisModule;
      return openRedisStore({ url: url.href, ports, ...options });
    },
  };
}

function postgresStore(urls: string, options: Omit<OpenOptions, "url" | "ports">): SharedStore {
  const parsed = postgresUrls(urls);
  if (parsed === undefined) throw unknownStore();
  const [{ href: url }, ...others] = parsed;
  return {
    description: `PostgreSQL at ${describeDatabases(parsed)}`,
    open: async (ports) => {
      const { openPostgresStore, bucketFromUrl } = (await importStorePackage("PostgreSQL")) as PostgresModule;
      // Only wake-ups through the database need it: how the operator's pooler works is no concern of the program.
      const unpooledUrl = process.env["HOLDFAST_STORE_UNPOOLED"] || undefined;
      const bucket = bucketUrl();
      return openPostgresStore({
        url,
        databases: others.map(({ href }) => href),
        ports,
        ...options,
        ...(unpooledUrl === undefined ? {} : { unpooledUrl }),
        ...(bucket === undefined ? {} : { blobs: bucketFromUrl(bucket) }),
      });
    },
  };
}

/** The package of the store on a kind of server. Throws `store.package_missing`. */
export function importStorePackage(server: "PostgreSQL" | "Redis"): Promise<unknown> {
  return importPackage(server === "Redis" ? redis : postgres, server);
}

async function importPackage(name: string, server: string): Promise<unknown> {
  const module = await importOptional(name, import.meta.url);
  if (module !== undefined) return module;
  const message = `A store on ${server} needs the package ${name}, which is not installed here. Install it: npm install ${name}`;
  throw new HoldfastError("store", "package_missing", message);
}

/** The bucket that the environment names for large objects. */
export function bucketUrl(): string | undefined {
  return process.env["HOLDFAST_BLOBS"] || undefined;
}

/** Other stores keep large objects with everything else. Throws `gateway.invalid_config` if the environment names a bucket. */
export function refuseBucket(): void {
  if (bucketUrl() === undefined) return;
  const message =
    "HOLDFAST_BLOBS names a bucket for large objects, which only a store on PostgreSQL uses. Set HOLDFAST_STORE to one, or leave HOLDFAST_BLOBS out";
  throw new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}

/**
 * The URLs of PostgreSQL databases that commas separate; undefined if one of them is something else. A comma may also be
 * part of a URL.
 */
export function postgresUrls(text: string): readonly [URL, ...URL[]] | undefined {
  const all = text.split(/,(?=\s*[a-z]+:\/\/)/).map((url) => postgresUrl(url.trim()));
  const urls = all.filter((url) => url !== undefined);
  const [first, ...others] = urls;
  return first === undefined || urls.length < all.length ? undefined : [first, ...others];
}

/** For people, without passwords: `db1.internal/holdfast and db2.internal/holdfast`. */
export function describeDatabases(urls: readonly URL[]): string {
  return urls.map(({ host, pathname }) => `${host}${pathname}`).join(" and ");
}

/** Undefined for anything but the URL of a PostgreSQL server. */
function postgresUrl(url: string): URL | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return parsed.protocol === "postgres:" || parsed.protocol === "postgresql:" ? parsed : undefined;
}

/** Undefined for anything but the URL of a Redis or Valkey server. */
export function redisUrl(url: string): URL | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return /^(redis|valkey)s?:$/.test(parsed.protocol) ? parsed : undefined;
}

/** The kind of server that a valid URL of a store names, for people. */
export function serverKind(url: string | URL): "PostgreSQL" | "Redis" | "Valkey" {
  const text = String(url);
  if (text.startsWith("redis")) return "Redis";
  return text.startsWith("valkey") ? "Valkey" : "PostgreSQL";
}

/** Never repeats the URL: it may contain a password. */
function unknownStore(): HoldfastError {
  const message =
    'The store of the registry is not a URL of a PostgreSQL or Redis server. Set "store" or HOLDFAST_STORE to "postgres://user:password@host:port/database" (several with commas) or "redis://user:password@host:port/number", or leave both out to use SQLite.';
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}
