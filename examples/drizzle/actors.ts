/** A to-do list in the actor's own SQLite database, through Drizzle. */
import { eq } from "drizzle-orm";
import { actor, setup } from "holdfast";
import { db, integer, sqliteTable, text } from "holdfast/db/drizzle";

const todos = sqliteTable("todos", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  title: text("title").notNull(),
  done: integer("done", { mode: "boolean" }).notNull().default(false),
});

/** What `drizzle-kit generate` writes. */
const migrations = {
  journal: { entries: [{ idx: 0, when: 1, tag: "0000_todos", breakpoints: true }] },
  migrations: {
    m0000: `CREATE TABLE todos (
      id integer PRIMARY KEY AUTOINCREMENT NOT NULL, title text NOT NULL, done integer DEFAULT false NOT NULL)`,
  },
};

export const todoList = actor({
  db: db({ schema: { todos }, migrations }),
  actions: {
    add: async (c, title: string) => {
      const [row] = await c.db.insert(todos).values({ title }).returning({ id: todos.id });
      return row?.id;
    },
    finish: async (c, id: number) => {
      await c.db.update(todos).set({ done: true }).where(eq(todos.id, id));
    },
    open: async (c) => await c.db.select().from(todos).where(eq(todos.done, false)),
  },
});

export const registry = setup({ use: { todoList } });
if (import.meta.main) await registry.start();
