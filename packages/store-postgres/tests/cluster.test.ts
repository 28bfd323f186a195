import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { openPostgresStore, type PostgresStore } from "@holdfast/store-postgres";
import { clusterStoreConformance } from "@holdfast/testing";
import { type PgBouncer, startPgBouncer, startPostgres } from "@holdfast/testing/postgres";
import { newSchema } from "./support.ts";

conformance("leases in postgres", false);
conformance("leases in postgres through pgbouncer in transaction mode", true);

function conformance(name: string, isPooled: boolean): void {
  clusterStoreConformance(name, async () => {
    const server = await startPostgres();
    const pooler: PgBouncer | undefined = isPooled ? await startPgBouncer(server.port) : undefined;
    const url = pooler?.url ?? server.url;
    const stores: PostgresStore[] = [];
    const directories: string[] = [];
    const open = async (schema: string) => {
      const cachePath = await mkdtemp(join(tmpdir(), "holdfast-cache-"));
      directories.push(cachePath);
      const store = await openPostgresStore({ url, schema, cachePath, ports: systemPorts() });
      stores.push(store);
      return store.cluster;
    };
    return {
      async open() {
        const schema = newSchema();
        return [await open(schema), await open(schema)];
      },
      async dispose() {
        await Promise.all(stores.map((store) => store.close()));
        await pooler?.stop();
        await server.stop();
        await Promise.all(directories.map((path) => rm(path, { recursive: true, force: true })));
      },
    };
  });
}
