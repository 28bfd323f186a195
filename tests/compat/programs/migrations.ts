/** Migrations by version. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { db } from "rivetkit/db";
import { type MigrationsOptions, migrations } from "rivetkit/unstable/migrations";

const ladder: MigrationsOptions["migrations"] = [
  { version: 1, sql: "CREATE TABLE item (name TEXT); INSERT INTO item VALUES ('one');" },
  {
    version: 2,
    up: async (database) => {
      await database.execute("ALTER TABLE item ADD COLUMN size INTEGER");
      await database.execute("UPDATE item SET size = ?", 3);
    },
  },
];

const fresh = actor({
  state: {},
  db: db({ onMigrate: migrations({ migrations: ladder }) }),
  actions: {
    items: async (c) => await c.db.execute<{ name: string; size: number }>("SELECT * FROM item"),
    nap: (c) => c.sleep(),
  },
});

const adopted = actor({
  state: {},
  db: db({
    onMigrate: async (database) => {
      await database.execute("CREATE TABLE IF NOT EXISTS item (name TEXT)");
      await migrations({
        tableName: "shop_version",
        adopt: async (existing) => {
          const found = await existing.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'item'",
          );
          return found.length > 0 ? 1 : 0;
        },
        migrations: ladder,
      })(database);
    },
  }),
  actions: { items: async (c) => await c.db.execute("SELECT * FROM item") },
});

export const registry = setup({ use: { fresh, adopted } });

export async function program(endpoint: string): Promise<void> {
  assert.throws(() => migrations({ migrations: [] }));
  assert.throws(() => migrations({ migrations: [{ version: 2, sql: "SELECT 1" }] }));
  assert.throws(() => migrations({ tableName: "no name", migrations: ladder }));
  const client = createClient<typeof registry>(endpoint);
  const handle = client.fresh.getOrCreate(["f"]);
  assert.deepEqual(await handle.items(), [{ name: "one", size: 3 }]);
  await handle.nap();
  assert.deepEqual(await handle.items(), [{ name: "one", size: 3 }]);
  assert.deepEqual(await client.adopted.getOrCreate(["a"]).items(), []);
  await client.dispose();
}
