/** The program of `deploy/program` on one machine: SQLite in the data directory, and a backup of it on SIGUSR2. */
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import { actor, event, setup } from "holdfast";

const data = process.env["HOLDFAST_DATA"] ?? ".holdfast";
const backups = process.env["BACKUPS"] ?? "backups";

const counter = actor({
  state: { count: 0 },
  events: { changed: event<number>() },
  actions: {
    add: (c, amount: number) => {
      c.state.count += amount;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
  },
});

let store: SqliteStore | undefined;
export const registry = setup({
  use: { counter },
  store: async () => {
    store = await openSqliteStore({ path: join(data, "actors"), ports: systemPorts() });
    return store;
  },
});

/** Writes a consistent copy while the program runs. The copy is complete when its `actors.db` has this name. */
async function backUp(): Promise<void> {
  const directory = join(backups, new Date().toISOString().replaceAll(":", "-"), "actors");
  await store?.backup(directory);
  console.log(`backed up to ${directory}`);
}

if (import.meta.main) {
  await registry.start();
  process.on("SIGUSR2", () => {
    backUp().catch((error: unknown) => console.error("the backup failed", error));
  });
}
