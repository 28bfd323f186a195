/** A counter whose state and database are kept in the store of a registry, for tests of stores on a server. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { db } from "../src/db.ts";
import { actor, type SetupOptions, setup } from "../src/index.ts";

const counter = actor({
  state: { count: 0 },
  db: db({
    onMigrate: async (database) => {
      await database.execute("CREATE TABLE IF NOT EXISTS entry (value INTEGER)");
    },
  }),
  actions: {
    add: async (c, value: number) => {
      c.state.count += value;
      await c.db.execute("INSERT INTO entry (value) VALUES (?)", value);
      return c.state.count;
    },
    read: async (c) => {
      const rows = await c.db.execute<{ total: number }>("SELECT sum(value) AS total FROM entry");
      return { count: c.state.count, total: rows[0]?.total };
    },
  },
});
export const use = { counter };

/** A registry with a data directory of its own, until the end of the test. */
export function registryOf(t: TestContext, options: Partial<SetupOptions<typeof use>>) {
  const dataDirectory = mkdtempSync(join(tmpdir(), "holdfast-registry-"));
  removeAtExit(dataDirectory);
  const registry = setup({ use, dataDirectory, noWelcome: true, ...options });
  t.after(() => registry.shutdown());
  return registry;
}
