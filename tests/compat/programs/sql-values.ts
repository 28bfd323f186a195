/** What SQL takes and gives. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { db } from "rivetkit/db";

const migrated: boolean[] = [];

const store = actor({
  state: {},
  db: db({
    onMigrate: async (database) => {
      await database.execute(`
        CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, value, note TEXT DEFAULT 'none');
        CREATE INDEX IF NOT EXISTS item_note ON item (note);
      `);
    },
  }),
  onMigrate: (_c, isNew) => void migrated.push(isNew),
  actions: {
    roundTrip: async (c) => {
      const values = [null, 1, 1.5, -7, "text", 9_007_199_254_740_993n, new Uint8Array([1, 2, 255]), ""];
      const out: unknown[] = [];
      for (const value of values) {
        const [row] = await c.db.execute<{ v: unknown }>("SELECT ? AS v", value);
        out.push(row?.v);
      }
      return out;
    },
    insert: async (c) => {
      const none = await c.db.execute("INSERT INTO item (value) VALUES (?)", "a");
      const returned = await c.db.execute<{ id: number }>(
        "INSERT INTO item (value) VALUES (?) RETURNING id",
        "b",
      );
      const [last] = await c.db.execute<{ id: number; changed: number }>(
        "SELECT last_insert_rowid() AS id, changes() AS changed",
      );
      return { none, returned, last };
    },
    named: async (c) => [
      (await c.db.execute<{ v: number }>("SELECT :a + :b AS v", { a: 1, b: 2 }))[0]?.v,
      (await c.db.execute<{ v: string }>("SELECT @x AS v", { x: "at" }))[0]?.v,
      (await c.db.execute<{ v: string }>("SELECT $y AS v", { y: "dollar" }))[0]?.v,
      (await c.db.execute<{ v: string }>("SELECT :z AS v", { ":z": "sigil" }))[0]?.v,
    ],
    positional: async (c) => (await c.db.execute<{ v: number }>("SELECT ?2 - ?1 AS v", 1, 10))[0]?.v,
    several: async (c) => {
      await c.db.execute(
        "DELETE FROM item; INSERT INTO item (value) VALUES ('x'); INSERT INTO item (value) VALUES ('y');",
      );
      return (await c.db.execute<{ n: number }>("SELECT count(*) AS n FROM item"))[0]?.n;
    },
    json: async (c) =>
      (await c.db.execute<{ v: string }>("SELECT json_extract('{\"a\":[1,2]}', '$.a[1]') AS v"))[0]?.v,
    failing: async (c) => {
      const messages: string[] = [];
      for (const sql of [
        "SELECT * FROM missing_table",
        "NOT SQL",
        "INSERT INTO item (id, id) VALUES (1, 2)",
      ]) {
        try {
          await c.db.execute(sql);
        } catch (error) {
          messages.push((error as Error).message);
        }
      }
      await c.db.execute("INSERT INTO item (id, value) VALUES (77, 'first')");
      try {
        await c.db.execute("INSERT INTO item (id, value) VALUES (77, 'second')");
      } catch (error) {
        messages.push((error as Error).message);
      }
      return messages;
    },
    badBinding: async (c) => {
      try {
        await c.db.execute("SELECT ?", { nested: { deep: true } } as never);
        return "none";
      } catch (error) {
        return error instanceof Error ? "refused" : "?";
      }
    },
    kinds: async (c) =>
      await c.db.execute<Record<string, unknown>>(
        "SELECT typeof(?) AS whole, typeof(?) AS part, ? / 2 AS half, 'no. ' || ? AS label",
        5,
        0.5,
        7,
        3,
      ),
    moreNames: async (c) => (await c.db.execute<{ v: number }>("SELECT :a AS v", { a: 1, b: 2 }))[0]?.v,
    missingName: async (c) => {
      try {
        await c.db.execute("SELECT :a, :b", { a: 1 });
        return "none";
      } catch (error) {
        return (error as Error).message;
      }
    },
    orphan: async (c) => {
      await c.db.execute(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (of REFERENCES parent (id))",
      );
      try {
        await c.db.execute("INSERT INTO child VALUES (9)");
        return "taken";
      } catch {
        return "refused";
      }
    },
    nap: (c) => c.sleep(),
  },
});

export const registry = setup({ use: { store } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.store.getOrCreate(["s"]);
  assert.deepEqual(await handle.roundTrip(), [
    null,
    1,
    1.5,
    -7,
    "text",
    9_007_199_254_740_993n,
    new Uint8Array([1, 2, 255]),
    "",
  ]);
  const inserted = await handle.insert();
  assert.deepEqual(inserted, { none: [], returned: [{ id: 2 }], last: { id: 2, changed: 1 } });
  assert.deepEqual(await handle.named(), [3, "at", "dollar", "sigil"]);
  assert.equal(await handle.positional(), 9);
  assert.equal(await handle.several(), 2);
  assert.equal(await handle.json(), 2);
  const messages = await handle.failing();
  assert.match(messages[0] ?? "", /no such table: missing_table/);
  assert.match(messages[1] ?? "", /syntax error/);
  assert.match(messages.at(-1) ?? "", /UNIQUE constraint failed/);
  assert.equal(await handle.badBinding(), "refused");
  assert.deepEqual(await handle.kinds(), [{ whole: "integer", part: "real", half: 3, label: "no. 3" }]);
  assert.equal(await handle.moreNames(), 1);
  assert.match(await handle.missingName(), /missing bind parameter: :b/);
  assert.equal(await handle.orphan(), "refused");
  await handle.nap();
  assert.equal(await handle.json(), 2);
  assert.deepEqual(migrated, [true, false]);
  await client.dispose();
}
