/** Raw SQLite in an actor: migrations, parameters, transactions. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { db } from "rivetkit/db";

const notes = actor({
  state: {},
  db: db({
    onMigrate: async (database) => {
      await database.execute(
        "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, size REAL)",
      );
    },
  }),
  actions: {
    add: async (c, text: string) => {
      await c.db.execute("INSERT INTO notes (text, size) VALUES (?, ?)", text, text.length / 2);
      const rows = await c.db.execute<{ n: number }>("SELECT count(*) AS n FROM notes");
      return rows[0]?.n;
    },
    all: async (c) =>
      await c.db.execute<{ id: number; text: string; size: number }>("SELECT * FROM notes ORDER BY id"),
    swap: async (c, fail: boolean) => {
      await c.db.transaction(async (tx) => {
        await tx.execute("UPDATE notes SET text = 'changed' WHERE id = 1");
        await tx.execute("DELETE FROM notes WHERE id = 2");
        if (fail) throw new Error("undo");
      });
    },
    find: async (c, text: string) =>
      await c.db.execute<{ id: number }>("SELECT id FROM notes WHERE text = :text", { text }),
    nap: (c) => c.sleep(),
  },
});

export const registry = setup({ use: { notes } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.notes.getOrCreate(["n"]);
  assert.equal(await handle.add("one"), 1);
  assert.equal(await handle.add("four"), 2);
  assert.deepEqual(await handle.all(), [
    { id: 1, text: "one", size: 1.5 },
    { id: 2, text: "four", size: 2 },
  ]);
  await assert.rejects(handle.swap(true));
  assert.equal((await handle.all()).length, 2);
  await handle.swap(false);
  assert.deepEqual(await handle.find("changed"), [{ id: 1 }]);
  await handle.nap();
  assert.deepEqual(await handle.all(), [{ id: 1, text: "changed", size: 1.5 }]);
  const other = client.notes.getOrCreate(["m"]);
  assert.deepEqual(await other.all(), []);
  await client.dispose();
}
