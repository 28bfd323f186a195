/** Drizzle on the SQLite of an actor. */
import assert from "node:assert/strict";
import { eq } from "drizzle-orm";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { db, integer, sqliteTable, text } from "rivetkit/db/drizzle";

const todos = sqliteTable("todos", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  title: text("title").notNull(),
  done: integer("done", { mode: "boolean" }).notNull().default(false),
});

const migrations = {
  journal: { entries: [{ idx: 0, when: 1, tag: "0000_first", breakpoints: true }] },
  migrations: {
    m0000:
      "CREATE TABLE `todos` (`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL, `title` text NOT NULL, `done` integer DEFAULT false NOT NULL);",
  },
};

const list = actor({
  state: {},
  db: db({ schema: { todos }, migrations }),
  actions: {
    add: async (c, title: string) => {
      await c.db.insert(todos).values({ title });
    },
    finish: async (c, id: number) => {
      await c.db.update(todos).set({ done: true }).where(eq(todos.id, id));
    },
    open: async (c) => await c.db.select().from(todos).where(eq(todos.done, false)),
  },
});

export const registry = setup({ use: { list } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.list.getOrCreate(["l"]);
  await handle.add("write");
  await handle.add("test");
  await handle.finish(1);
  assert.deepEqual(await handle.open(), [{ id: 2, title: "test", done: false }]);
  await client.dispose();
}
