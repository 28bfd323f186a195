/** An actor whose definition says nothing of a database has one all the same. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import type { RawAccess } from "rivetkit/db";

async function add(database: RawAccess, text: string): Promise<number> {
  await database.execute("INSERT INTO line (text) VALUES (?)", text);
  const [last] = await database.execute("SELECT max(id) AS id FROM line");
  const [row] = await database.execute<{ n: number }>(
    "SELECT count(*) AS n FROM line WHERE id <= ?",
    last?.["id"],
  );
  return row?.n ?? 0;
}

const journal = actor({
  state: { added: 0 },
  onMigrate: async (c, isNew) => {
    if (isNew) await c.db.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
  },
  actions: {
    add: async (c, text: string) => {
      c.state.added += 1;
      return await add(c.db, text);
    },
    addAll: async (c, texts: string[]) =>
      await c.db.transaction(async (tx: RawAccess) => {
        for (const text of texts) {
          if (text === "") throw new Error("empty");
          await tx.execute("INSERT INTO line (text) VALUES (?)", text);
        }
        return texts.length;
      }),
    lines: async (c) => {
      const rows = await c.db.execute("SELECT text FROM line ORDER BY id");
      return {
        added: c.state.added,
        lines: rows.map((row: { text: string }) => row.text),
        last: rows.at(-1).text,
      };
    },
    nap: (c) => {
      c.sleep();
    },
  },
});

/** Nothing of it is a database before an action asks for one. */
const plain = actor({
  actions: {
    one: async (c) => await c.db.execute("SELECT 1 AS one"),
    both: async (c) => {
      await c.db.execute("CREATE TABLE IF NOT EXISTS n (n INTEGER)");
      await Promise.all([c.db.execute("INSERT INTO n VALUES (1)"), c.db.execute("INSERT INTO n VALUES (2)")]);
      return (await c.db.execute("SELECT sum(n) AS sum FROM n"))[0].sum;
    },
  },
});

export const registry = setup({ use: { journal, plain } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const mine = client.journal.getOrCreate(["mine"]);
  assert.equal(await mine.add("a"), 1);
  assert.equal(await mine.add("b"), 2);
  assert.equal(await mine.addAll(["c", "d"]), 2);
  await assert.rejects(mine.addAll(["e", ""]));
  await mine.nap();
  assert.deepEqual(await mine.lines(), { added: 2, lines: ["a", "b", "c", "d"], last: "d" });
  assert.deepEqual(await client.plain.getOrCreate(["p"]).one(), [{ one: 1 }]);
  assert.equal(await client.plain.getOrCreate(["q"]).both(), 3);
  assert.equal(await client.plain.getOrCreate(["q"]).both(), 6);
  await client.dispose();
}
