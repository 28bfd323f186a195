import { join } from "node:path";
import type { ActorStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import { refuseBucket, sharedStore } from "@holdfast/server";
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
