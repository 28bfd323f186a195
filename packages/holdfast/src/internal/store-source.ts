import { join } from "node:path";
import type { ActorStore } from "@holdfast/actors";
import { HoldfastError, type Ports } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { importOptional } from "./optional-package.ts";

/** Where a registry keeps its actors. */
export interface StoreSource {
  open(): ActorStore | Promise<ActorStore>;
  /** For people, without a password. */
  readonly description: string;
}

export interface StoreOptions {
  readonly dataDirectory: string;
  readonly ports: Ports;
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number };
}

/** The part of `@holdfast/store-postgres` that is used here: the package may be missing. */
interface PostgresModule {
  openPostgresStore(
    options: Omit<StoreOptions, "dataDirectory"> & { readonly url: string; readonly cachePath: string },
  ): Promise<ActorStore>;
}

const postgres = "@holdfast/store-postgres";

/** SQLite in the data directory, the default of every registry. */
export function sqliteSource({ dataDirectory, ...options }: StoreOptions): StoreSource {
  return {
    open: () => openSqliteStore({ path: join(dataDirectory, "actors"), ...options }),
    description: dataDirectory,
  };
}

/**
 * The PostgreSQL server at `url`; the data directory has only copies of what is there. Throws `gateway.invalid_config`
 * for another URL.
 */
export function postgresSource(url: string, { dataDirectory, ...options }: StoreOptions): StoreSource {
  const { host, pathname } = parsePostgresUrl(url);
  return {
    description: `PostgreSQL at ${host}${pathname}`,
    open: async () => {
      const { openPostgresStore } = await importPostgres();
      return openPostgresStore({ url, cachePath: join(dataDirectory, "postgres-cache"), ...options });
    },
  };
}

async function importPostgres(): Promise<PostgresModule> {
  const module = await importOptional(postgres);
  if (module !== undefined) return module as PostgresModule;
  const message = `A store on PostgreSQL needs the package ${postgres}, which is not installed here. Install it: npm install ${postgres}`;
  throw new HoldfastError("store", "package_missing", message);
}

/** Never repeats the URL: it may contain a password. */
function parsePostgresUrl(url: string): URL {
  if (URL.canParse(url)) {
    const parsed = new URL(url);
    if (parsed.protocol === "postgres:" || parsed.protocol === "postgresql:") return parsed;
  }
  const message =
    'The store of the registry is not a URL of a PostgreSQL server. Set "store" or HOLDFAST_STORE to "postgres://user:password@host:port/database", or leave both out to use SQLite.';
  throw new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}
