/** Drizzle: relations, returning, joins, transactions, a second migration. */
import assert from "node:assert/strict";
import { asc, count, eq, relations, sql } from "drizzle-orm";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import {
  db,
  defineConfig,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from "rivetkit/db/drizzle";

assert.deepEqual(defineConfig({ out: "./drizzle", schema: "./schema.ts" }), {
  dialect: "sqlite",
  out: "./drizzle",
  schema: "./schema.ts",
});

const users = sqliteTable(
  "users",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    name: text("name").notNull(),
    meta: text("meta", { mode: "json" }).$type<{ tags: string[] }>(),
  },
  (table) => [uniqueIndex("users_name").on(table.name)],
);
const posts = sqliteTable(
  "posts",
  {
    id: integer("id").primaryKey(),
    author: integer("author")
      .notNull()
      .references(() => users.id),
    title: text("title").notNull(),
    at: integer("at", { mode: "timestamp_ms" }).notNull(),
  },
  (table) => [index("posts_author").on(table.author)],
);
const likes = sqliteTable(
  "likes",
  { user: integer("user").notNull(), post: integer("post").notNull() },
  (table) => [primaryKey({ columns: [table.user, table.post] })],
);
const usersRelations = relations(users, ({ many }) => ({ posts: many(posts) }));
const postsRelations = relations(posts, ({ one }) => ({
  author: one(users, { fields: [posts.author], references: [users.id] }),
}));

const journal = {
  version: "7",
  dialect: "sqlite",
  entries: [
    { idx: 0, version: "6", when: 1_700_000_000_000, tag: "0000_brave_hulk", breakpoints: true },
    { idx: 1, version: "6", when: 1_700_000_001_000, tag: "0001_calm_iceman", breakpoints: true },
  ],
};
const migrations = {
  journal,
  migrations: {
    m0000: `CREATE TABLE \`users\` (\n\t\`id\` integer PRIMARY KEY AUTOINCREMENT NOT NULL,\n\t\`name\` text NOT NULL,\n\t\`meta\` text\n);\n--> statement-breakpoint\nCREATE UNIQUE INDEX \`users_name\` ON \`users\` (\`name\`);`,
    m0001: `CREATE TABLE \`posts\` (\n\t\`id\` integer PRIMARY KEY NOT NULL,\n\t\`author\` integer NOT NULL,\n\t\`title\` text NOT NULL,\n\t\`at\` integer NOT NULL,\n\tFOREIGN KEY (\`author\`) REFERENCES \`users\`(\`id\`) ON UPDATE no action ON DELETE no action\n);\n--> statement-breakpoint\nCREATE INDEX \`posts_author\` ON \`posts\` (\`author\`);\n--> statement-breakpoint\nCREATE TABLE \`likes\` (\`user\` integer NOT NULL, \`post\` integer NOT NULL, PRIMARY KEY(\`user\`, \`post\`));\n--> statement-breakpoint\n`,
  },
};
const schema = { users, posts, likes, usersRelations, postsRelations };

const blog = actor({
  state: {},
  db: db({
    schema,
    migrations,
    onMigrate: async (database) => {
      await database.insert(users).values({ name: "root" }).onConflictDoNothing();
    },
  }),
  actions: {
    addUser: async (c, name: string) => {
      const [row] = await c.db
        .insert(users)
        .values({ name, meta: { tags: ["new"] } })
        .returning();
      return row;
    },
    addPost: async (c, author: number, title: string) => {
      await c.db.insert(posts).values({ author, title, at: new Date(1_000) });
    },
    all: async (c) =>
      await c.db.query.users.findMany({
        with: { posts: { columns: { title: true } } },
        orderBy: asc(users.id),
      }),
    first: async (c) => (await c.db.query.posts.findFirst({ with: { author: true } })) ?? null,
    joined: async (c) =>
      await c.db
        .select({ title: posts.title, name: users.name, at: posts.at })
        .from(posts)
        .innerJoin(users, eq(posts.author, users.id))
        .orderBy(posts.id),
    counted: async (c) => (await c.db.select({ n: count() }).from(posts))[0]?.n,
    rename: async (c, id: number, name: string) =>
      await c.db.update(users).set({ name }).where(eq(users.id, id)).returning({ name: users.name }),
    remove: async (c, id: number) => (await c.db.delete(posts).where(eq(posts.id, id)).returning()).length,
    upsert: async (c) => {
      await c.db.insert(likes).values({ user: 1, post: 1 }).onConflictDoNothing();
      await c.db.insert(likes).values({ user: 1, post: 1 }).onConflictDoNothing();
      return (await c.db.select().from(likes)).length;
    },
    both: async (c, fail: boolean) =>
      await c.db.transaction(async (tx) => {
        await tx.insert(users).values({ name: "tx" });
        if (fail) throw new Error("undo");
        return (await tx.select().from(users)).length;
      }),
    raw: async (c) => await c.db.execute<{ n: number }>("SELECT count(*) AS n FROM users WHERE id > ?", 0),
    tagged: async (c) => {
      const [all, one] = [
        await c.db.all(sql`SELECT name FROM users ORDER BY id LIMIT 1`),
        await c.db.get(sql`SELECT count(*) FROM users`),
      ];
      await c.db.run(sql`UPDATE users SET meta = NULL`);
      return { all, one };
    },
    nap: (c) => c.sleep(),
  },
});

export const registry = setup({ use: { blog } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.blog.getOrCreate(["b"]);
  assert.deepEqual(await handle.addUser("ann"), { id: 2, name: "ann", meta: { tags: ["new"] } });
  await handle.addPost(2, "one");
  await handle.addPost(2, "two");
  assert.deepEqual(await handle.all(), [
    { id: 1, name: "root", meta: null, posts: [] },
    { id: 2, name: "ann", meta: { tags: ["new"] }, posts: [{ title: "one" }, { title: "two" }] },
  ]);
  assert.equal((await handle.first())?.author.name, "ann");
  assert.deepEqual(await handle.joined(), [
    { title: "one", name: "ann", at: new Date(1_000) },
    { title: "two", name: "ann", at: new Date(1_000) },
  ]);
  assert.equal(await handle.counted(), 2);
  assert.deepEqual(await handle.rename(2, "anna"), [{ name: "anna" }]);
  assert.equal(await handle.remove(1), 1);
  assert.equal(await handle.upsert(), 1);
  await assert.rejects(handle.both(true));
  assert.deepEqual(await handle.raw(), [{ n: 2 }]);
  assert.equal(await handle.both(false), 3);
  assert.deepEqual(await handle.tagged(), { all: [["root"]], one: [3] });
  await handle.nap();
  assert.deepEqual(await handle.raw(), [{ n: 3 }]);
  await client.dispose();
}
