import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, type DatabaseProvider, db } from "@holdfast/actors";
import { defineConfig, db as drizzleDb, integer, sqliteTable, text } from "@holdfast/actors/db/drizzle";
import { type MigrationsOptions, migrations } from "@holdfast/actors/unstable/migrations";
import { isErrorCode } from "@holdfast/core";
import { eq } from "drizzle-orm";
import { call, type World, world } from "./harness.ts";

const first = { version: 1, sql: "CREATE TABLE item (name TEXT); INSERT INTO item VALUES ('one')" } as const;
const second = { version: 2, sql: "INSERT INTO item VALUES ('two')" } as const;

function migrating(config: MigrationsOptions) {
  return actor({
    db: db({ onMigrate: migrations(config) }),
    actions: {
      names: (c) => c.db.query<{ name: string }>("SELECT name FROM item").map(({ name }) => name),
      applied: (c) => c.db.query("SELECT version FROM schema_migrations ORDER BY version"),
    },
  });
}

/** Starts the actor, calls an action, and sleeps. */
async function ask(w: World, definition: Parameters<World["create"]>[0], isNew: boolean, name: string) {
  const instance = isNew ? w.create(definition) : await w.wake(definition);
  const result = await call(instance, name);
  await instance.sleep();
  return result;
}

async function refused(w: World, config: MigrationsOptions): Promise<unknown> {
  const instance = await w.wake(migrating(config));
  await assert.rejects(instance.ready);
  return w.reported.at(-1) ?? (await instance.ready.catch((error: unknown) => error));
}

describe("migrations", () => {
  test("run once each, in order", async () => {
    const w = world();
    assert.deepEqual(await ask(w, migrating({ migrations: [first] }), true, "names"), ["one"]);
    assert.deepEqual(await ask(w, migrating({ migrations: [first] }), false, "names"), ["one"]);
    const third = {
      version: 3,
      up: (tx: { execute(sql: string): unknown }) => void tx.execute("DELETE FROM item"),
    };
    const all = migrating({ migrations: [first, second, third] });
    assert.deepEqual(await ask(w, all, false, "names"), []);
    assert.deepEqual(await ask(w, all, false, "applied"), [{ version: 1 }, { version: 2 }, { version: 3 }]);
  });

  test("are atomic", async () => {
    const w = world();
    await ask(w, migrating({ migrations: [first] }), true, "names");
    await refused(w, { migrations: [first, second, { version: 3, sql: "NOT SQL" }] });
    assert.deepEqual(await ask(w, migrating({ migrations: [first] }), false, "names"), ["one"]);
  });

  test("are rejected if edited or unknown", async () => {
    const w = world();
    await ask(w, migrating({ migrations: [first, second] }), true, "names");
    const edited = await refused(w, { migrations: [first, { version: 2, sql: "DELETE FROM item" }] });
    assert.ok(isErrorCode(edited, "db", "migration_changed"), String(edited));
    const older = await refused(w, { migrations: [first] });
    assert.ok(isErrorCode(older, "db", "migration_missing"), String(older));
    assert.deepEqual(await ask(w, migrating({ migrations: [first, second] }), false, "names"), [
      "one",
      "two",
    ]);
  });

  test("can adopt a database created without them", async () => {
    const w = world();
    const before = actor({
      db: db({
        onMigrate: async (c) => void (await c.execute("CREATE TABLE IF NOT EXISTS item (name TEXT)")),
      }),
      actions: { nothing: () => undefined },
    });
    await ask(w, before, true, "nothing");
    const adopting = { adopt: { version: 1, ifTableExists: "item" }, migrations: [first, second] };
    assert.deepEqual(await ask(w, migrating(adopting), false, "names"), ["two"]);
    assert.deepEqual(await ask(world(), migrating(adopting), true, "names"), ["one", "two"]);
  });

  test("can adopt the version that a function finds, or none", async () => {
    const w = world();
    const before = actor({
      db: db({
        onMigrate: async (c) => void (await c.execute("CREATE TABLE IF NOT EXISTS item (name TEXT)")),
      }),
      actions: { nothing: () => undefined },
    });
    await ask(w, before, true, "nothing");
    const finding: MigrationsOptions = {
      adopt: async (c) => (await c.execute("SELECT 1 FROM sqlite_schema WHERE name = 'item'")).length,
      migrations: [first, second],
    };
    assert.deepEqual(await ask(w, migrating(finding), false, "names"), ["two"]);
    assert.deepEqual(await ask(world(), migrating(finding), true, "names"), ["one", "two"]);
    for (const [version, code] of [
      [-1, "invalid_migrations"],
      [3, "migration_missing"],
    ] as const) {
      const other = world();
      await ask(other, before, true, "nothing");
      const error = await refused(other, { adopt: () => version, migrations: [first, second] });
      assert.ok(isErrorCode(error, "db", code), String(error));
    }
  });

  test("need consecutive numbers, and either sql or up", () => {
    const bad: readonly MigrationsOptions[] = [
      { migrations: [] },
      { migrations: [{ version: 1, sql: " " }] },
      { migrations: [second] },
      { migrations: [first, { version: 3, sql: "" }] },
      { migrations: [{ version: 1 }] },
      { migrations: [{ version: 1, sql: "", up: () => undefined }] },
      { migrations: [first], adopt: 2 },
      { migrations: [first], tableName: "a b" },
      { migrations: [first], tableName: "_holdfast_m" },
    ];
    for (const config of bad) {
      assert.throws(
        () => migrations(config),
        (error) => isErrorCode(error, "db", "invalid_migrations"),
      );
    }
  });
});

const todos = sqliteTable("todos", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  title: text("title").notNull(),
  done: integer("done", { mode: "boolean" }).notNull().default(false),
});

const glue = {
  journal: {
    version: "7",
    dialect: "sqlite",
    entries: [
      { idx: 0, when: 10, tag: "0000_first", breakpoints: true },
      { idx: 1, when: 20, tag: "0001_second", breakpoints: true },
    ],
  },
  migrations: {
    m0000: "CREATE TABLE `todos` (`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL, `title` text NOT NULL);",
    m0001:
      "ALTER TABLE `todos` ADD `done` integer DEFAULT false NOT NULL;\n--> statement-breakpoint\nINSERT INTO todos (title) VALUES ('seed');",
  },
};

describe("Drizzle", () => {
  const list = actor({
    db: drizzleDb({ schema: { todos }, migrations: glue }),
    actions: {
      add: async (c, title: string) => {
        const [row] = await c.db.insert(todos).values({ title }).returning({ id: todos.id });
        return row?.id;
      },
      all: (c) => c.db.select().from(todos).orderBy(todos.id),
      find: async (c, title: string) =>
        (await c.db.query.todos.findFirst({ where: eq(todos.title, title) })) ?? null,
      raw: (c) => c.db.execute<{ n: number }>("SELECT count(*) AS n FROM todos"),
      swap: async (c, fail: boolean) => {
        await c.db.transaction(async (tx) => {
          await tx.update(todos).set({ done: true }).where(eq(todos.id, 1));
          await tx.delete(todos).where(eq(todos.title, "b"));
          if (fail) throw new Error("undo");
        });
      },
    },
  });

  test("selects, inserts, relational queries, raw SQL and transactions", async () => {
    const w = world();
    const instance = w.create(list);
    assert.equal(await call(instance, "add", "b"), 2);
    assert.deepEqual(await call(instance, "raw"), [{ n: 2 }]);
    await assert.rejects(call(instance, "swap", true));
    assert.deepEqual(await call(instance, "find", "b"), { id: 2, title: "b", done: false });
    assert.equal(await call(instance, "find", "none"), null);
    await call(instance, "swap", false);
    await instance.sleep();
    const again = await w.wake(list);
    assert.deepEqual(await call(again, "all"), [{ id: 1, title: "seed", done: true }]);
  });

  test("a missing migration is reported, and none runs", async () => {
    const broken: DatabaseProvider<unknown> = drizzleDb({
      migrations: { journal: glue.journal, migrations: { m0000: glue.migrations.m0000 } },
    });
    const instance = world().create(actor({ db: broken }));
    await assert.rejects(instance.ready, (error) => isErrorCode(error, "db", "invalid_migrations"));
  });

  test("defineConfig preserves its options", () => {
    assert.deepEqual(defineConfig({ out: "./drizzle" }), { dialect: "sqlite", out: "./drizzle" });
  });
});
