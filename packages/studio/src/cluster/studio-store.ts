import { join } from "node:path";
import type { ActorStore } from "@holdfast/actors";
import { HoldfastError, type Ports } from "@holdfast/core";
import { refuseBucket, sharedStore } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { storeElsewhere, storeFolder } from "../backup.ts";
import type { StudioOptions } from "../studio.ts";

/** Where the Studio keeps its actors. */
export interface StudioStore {
  readonly actors: ActorStore;
  /** Copies the actors into a new directory; undefined if they are not in the data directory. */
  readonly backup: ((directory: string) => Promise<unknown>) | undefined;
}

/** Opens the store. In either case, its lock keeps a second process out of the data directory. */
export async function openStore(
  { store, cluster }: Pick<StudioOptions, "store" | "cluster">,
  dataDirectory: string,
  ports: Ports,
): Promise<StudioStore> {
  if (store === undefined && cluster === undefined) {
    refuseBucket();
    const actors = await openSqliteStore({ path: join(dataDirectory, storeFolder), ports });
    return { actors, backup: (directory) => actors.backup(directory) };
  }
  if (store === undefined) throw storeNotShared();
  const actors =
    typeof store === "function" ? await store() : await sharedStore(store, { dataDirectory }).open(ports);
  return { actors, backup: undefined };
}

function storeNotShared(): HoldfastError {
  const message =
    'A cluster needs a store that its nodes share. Set "store", --store or HOLDFAST_STORE to the URL of a PostgreSQL or Redis server';
  return new HoldfastError("cluster", "store_not_shared", message, { statusCode: 400 });
}

/** Throws `backup.store_elsewhere` if the actors are not in the data directory. */
export function requireStoreBackup({ backup }: StudioStore): (directory: string) => Promise<unknown> {
  if (backup !== undefined) return backup;
  throw storeElsewhere();
}
