import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { actorStoreConformance } from "@holdfast/testing";

actorStoreConformance("sqlite", async (ports) => {
  const path = await mkdtemp(join(tmpdir(), "holdfast-store-"));
  let store = await openSqliteStore({ path, ports });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore({ path, ports });
      return store;
    },
    async dispose() {
      await store.close();
      await rm(path, { recursive: true });
    },
  };
});
