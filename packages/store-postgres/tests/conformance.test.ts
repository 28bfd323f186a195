import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgresStore } from "@holdfast/store-postgres";
import { actorStoreConformance } from "@holdfast/testing";
import {
  type PgBouncer,
  type PostgresServer,
  startPgBouncer,
  startPostgres,
} from "@holdfast/testing/postgres";

conformance("postgres", false);
conformance("postgres through pgbouncer in transaction mode", true);

function conformance(name: string, isPooled: boolean): void {
  actorStoreConformance(name, async (ports) => {
    const server: PostgresServer = await startPostgres();
    const pooler: PgBouncer | undefined = isPooled ? await startPgBouncer(server.port) : undefined;
    const cachePath = await mkdtemp(join(tmpdir(), "holdfast-cache-"));
    const options = { url: pooler?.url ?? server.url, cachePath, ports };
    let store = await openPostgresStore(options);
    return {
      store,
      async reopen() {
        await store.close();
        store = await openPostgresStore(options);
        return store;
      },
      async dispose() {
        await store.close();
        await pooler?.stop();
        await server.stop();
        await rm(cachePath, { recursive: true });
      },
    };
  });
}
