import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgresStore } from "@holdfast/store-postgres";
import { actorStoreConformance } from "@holdfast/testing";
import { type PgBouncer, startPgBouncer } from "@holdfast/testing/postgres";
import { newSchema, sharedServer } from "./support.ts";

const server = await sharedServer();

conformance("postgres", {});
conformance("postgres through pgbouncer in transaction mode", { isPooled: true });
conformance("two databases of postgres", { isSplit: true });

interface Arrangement {
  readonly isPooled?: boolean;
  readonly isSplit?: boolean;
}

function conformance(name: string, { isPooled = false, isSplit = false }: Arrangement): void {
  actorStoreConformance(name, async (ports) => {
    const pooler: PgBouncer | undefined = isPooled ? await startPgBouncer(server.port) : undefined;
    const url = pooler?.url ?? server.url;
    const place = () => `${url}?schema=${newSchema()}`;
    const cachePath = await mkdtemp(join(tmpdir(), "holdfast-cache-"));
    const options = {
      ...{ url: place(), cachePath, ports },
      ...(isSplit ? { databases: [place()] } : {}),
    };
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
        await rm(cachePath, { recursive: true });
      },
    };
  });
}
