import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { openPostgresStore, type PostgresStore } from "@holdfast/store-postgres";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";

/** Starts a PostgreSQL server and opens the store of several nodes on it. */
export interface Nodes {
  readonly server: PostgresServer;
  readonly stores: readonly PostgresStore[];
  close(): Promise<void>;
}

export async function startNodes(count: number): Promise<Nodes> {
  const server = await startPostgres();
  const caches = Array.from({ length: count }, () => mkdtempSync(join(tmpdir(), "holdfast-bench-cache-")));
  const ports = systemPorts();
  const stores: PostgresStore[] = [];
  for (const cachePath of caches) stores.push(await openPostgresStore({ url: server.url, cachePath, ports }));
  return {
    server,
    stores,
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await server.stop();
      for (const path of caches) rmSync(path, { recursive: true });
    },
  };
}
