import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  type ActorHost,
  type ActorInstance,
  type ActorStore,
  type AnyDefinition,
  actor,
  createInstance,
  db,
  type RawAccess,
  type UndeclaredDatabase,
} from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { code } from "./db-support.ts";
import { call, callWithKey, outcome, turn, world } from "./harness.ts";

const create = "CREATE TABLE IF NOT EXISTS item (name TEXT UNIQUE)";
const insert = "INSERT INTO item (name) VALUES (?)";

/** An actor without a `db`; its action runs any function on `c.db`. */
function unasked(
  run: (database: UndeclaredDatabase, c: { state: { count: number } }) => unknown,
  extra: object = {},
) {
  return actor({
    state: { count: 0 },
    actions: {
      run: (c) => run(c.db, c),
      count: (c) => c.state.count,
      add: (c) => ++c.state.count,
      names: async (c) =>
        (await c.db.execute<{ name: string }>("SELECT name FROM item")).map((row) => row.name),
    },
    ...extra,
  });
}

describe("c.db without db in the definition", () => {
  test("runs SQL, persists across a sleep, and then allows synchronous reads", async () => {
    const definition = unasked(async (database) => {
      assert.throws(() => database.query("SELECT 1"), code("not_open"));
      assert.throws(() => database.get("SELECT 1"), code("not_open"));
      await database.execute(create);
      await Promise.all(["a", "b", "c"].map((name) => database.execute(insert, name)));
      const kept = await database.transaction((tx) => tx.execute(insert, "d").then(() => "kept"));
      await assert.rejects(
        database.transaction(async (tx) => {
          await tx.execute(insert, "e");
          throw new Error("undone");
        }),
        /undone/,
      );
      return [kept, database.get<{ n: number }>("SELECT count(*) AS n FROM item")?.n];
    });
    const { create: make, wake } = world();
    const instance = make(definition);
    assert.deepEqual(await call(instance, "run"), ["kept", 4]);
    await instance.sleep();
    const again = await wake(
      actor({
        actions: { names: (c) => c.db.query<{ name: string }>("SELECT name FROM item").map(Object.values) },
      }),
    );
    assert.deepEqual(await call(again, "names"), [["a"], ["b"], ["c"], ["d"]]);
    await again.sleep();
    const last = await wake(definition);
    assert.deepEqual(await call(last, "names"), ["a", "b", "c", "d"]);
  });

  test("the first statement commits with state changes before and after it", async () => {
    const { store, create: make } = world();
    const instance = make(
      unasked(async (database, c) => {
        c.state.count = 1;
        await database.execute(`${create}; INSERT INTO item VALUES ('a')`);
        c.state.count = 2;
      }),
    );
    await instance.ready;
    const before = store.commits.length;
    store.hold = true;
    const reply = call(instance, "run");
    while (store.held.length === 0) await turn();
    assert.equal(store.commits.length, before + 1);
    assert.equal(store.commits[before]?.database, true);
    assert.ok(store.commits[before]?.state !== undefined);
    assert.equal(await outcome(reply), "pending");
    store.held[0]?.land();
    await reply;
    await instance.sleep();
  });

  test("opens after pending commits, and outputs wait for unawaited writes", async () => {
    const { store, create: make, wake } = world();
    const definition = unasked((database) => {
      void database.execute(`${create}; INSERT INTO item VALUES ('late')`);
      return "answered";
    });
    const instance = make(definition);
    await instance.ready;
    const { open } = store.databases;
    let opened = 0;
    store.databases.open = (...args) => {
      opened++;
      return open(...args);
    };
    store.hold = true;
    const first = call(instance, "add");
    await turn();
    assert.equal(store.held.length, 1);
    const second = call(instance, "run");
    assert.equal(await outcome(second), "pending");
    assert.deepEqual([store.held.length, opened], [1, 0]);
    store.hold = false;
    store.held[0]?.land();
    assert.deepEqual(await Promise.all([first, second]), [1, "answered"]);
    assert.equal(store.commits.at(-1)?.database, true);
    await instance.sleep();
    assert.deepEqual(await call(await wake(definition), "names"), ["late"]);
  });

  test("opening fails if a concurrent commit fails", async () => {
    const { store, create: make } = world();
    const instance = make(unasked((database) => database.execute("SELECT 1")));
    await instance.ready;
    store.hold = true;
    const first = call(instance, "add");
    await turn();
    const second = call(instance, "run");
    store.held[0]?.fail(new Error("planned"));
    await assert.rejects(first);
    await assert.rejects(second);
    assert.equal(await instance.stopped, "failed");
  });

  test("a failure to open rejects the call, and the next use tries again", async () => {
    const { store, create: make } = world();
    const instance = make(unasked((database) => database.execute("SELECT 1 AS one")));
    await instance.ready;
    const { open } = store.databases;
    store.databases.open = () => Promise.reject(new Error("planned"));
    await assert.rejects(call(instance, "run"));
    store.databases.open = open;
    assert.deepEqual(await call(instance, "run"), [{ one: 1 }]);
    assert.equal(await call(instance, "add"), 1);
    await instance.sleep();
  });

  test("a first use within a transaction is rolled back with it", async () => {
    const { create: make } = world();
    const instance = make(
      actor({
        state: { count: 0 },
        actions: {
          fail: (c) =>
            c.transaction(async () => {
              c.state.count = 1;
              await c.db.execute(`${create}; INSERT INTO item VALUES ('x')`);
              throw new Error("undone");
            }),
          look: async (c) => [
            c.state.count,
            await c.db.execute("SELECT name FROM sqlite_schema WHERE name = 'item'"),
          ],
        },
      }),
    );
    await assert.rejects(call(instance, "fail"));
    assert.deepEqual(await call(instance, "look"), [0, []]);
    await instance.sleep();
  });

  test("unawaited statements belong to the transaction, with and without db", async () => {
    for (const provider of [undefined, db()]) {
      const { create: make } = world();
      const begin = async (c: { db: RawAccess; transaction<T>(fn: () => T): Promise<T> }, fails: boolean) =>
        c.transaction(() => {
          void c.db.execute(`${create}; INSERT INTO item VALUES ('plain')`);
          void c.db.transaction(async (tx) => {
            await tx.execute("INSERT INTO item VALUES ('first')");
            await turn();
            await tx.execute("INSERT INTO item VALUES ('second')");
          });
          if (fails) throw new Error("undone");
        });
      const definition = actor({
        ...(provider && { db: provider }),
        actions: {
          begin: (c, fails: boolean) => begin(c as never, fails),
          look: async (c) => {
            const database = c.db as RawAccess;
            const [found] = await database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'item'");
            return found === undefined
              ? undefined
              : database.execute<{ name: string }>("SELECT name FROM item");
          },
        },
      });
      const instance = make(definition);
      await assert.rejects(call(instance, "begin", true));
      assert.equal(await call(instance, "look"), undefined);
      await instance.sleep();

      const { create: again } = world();
      const other = again(definition);
      await call(other, "begin", false);
      assert.deepEqual(await call(other, "look"), [{ name: "plain" }, { name: "first" }, { name: "second" }]);
      await other.sleep();
    }
  });

  test("works in every hook, and a failed creation leaves no database", async () => {
    const seen: string[] = [];
    const note = async (c: { readonly db: RawAccess }, hook: string): Promise<void> => {
      await c.db.execute(create);
      await c.db.execute(insert, hook);
      seen.push(hook);
    };
    let fails = true;
    const definition = actor({
      createState: async (c) => {
        await note(c, "state");
        return {};
      },
      onMigrate: (c, isNew) => note(c, `migrate ${isNew}`),
      onCreate: async (c) => {
        await note(c, "create");
        if (fails) throw new Error("planned");
      },
      createVars: (c) => note(c, `vars ${seen.length}`),
      onWake: (c) => note(c, `wake ${seen.length}`),
      onSleep: (c) => note(c, "sleep"),
      actions: { all: (c) => c.db.query<{ name: string }>("SELECT name FROM item").map((row) => row.name) },
    });
    const { create: make, wake } = world();
    const failed = make(definition, undefined, "failed");
    assert.equal(await failed.stopped, "failed");
    fails = false;
    seen.length = 0;
    const instance = make(definition);
    await instance.sleep();
    const again = await wake(definition);
    const all = await call(again, "all");
    assert.deepEqual(all, [
      "migrate true",
      "state",
      "create",
      "vars 3",
      "wake 4",
      "sleep",
      "migrate false",
      "vars 7",
      "wake 8",
    ]);
  });

  test("is closed by close, even before the first use, and by a stop of the actor", async () => {
    const kept: RawAccess[] = [];
    const instance = world().create(unasked((database) => void kept.push(database)));
    await call(instance, "run");
    await instance.sleep();
    for (const refused of [
      () => kept[0]?.execute("SELECT 1"),
      async () => kept[0]?.query("SELECT 1"),
      () => kept[0]?.transaction(() => 1),
    ]) {
      await assert.rejects(async () => refused(), code("closed"));
    }
    const other = world().create(
      unasked(async (database) => {
        await database.close();
        await assert.rejects(database.execute("SELECT 1"), code("closed"));
        return "closed";
      }),
    );
    assert.equal(await call(other, "run"), "closed");
    await other.sleep();
  });
});

describe("c.db without db in the definition, in files", () => {
  const definition = unasked(async (database, c) => {
    c.state.count += 1;
    await database.execute(create);
    await database.execute("INSERT INTO item VALUES (?)", `row ${c.state.count}`);
    return c.state.count;
  });

  const paths = (path: string): string[] => {
    const folder = join(path, "databases");
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".db"));
  };

  async function running(store: ActorStore, id: string, isNew: boolean): Promise<ActorInstance> {
    const host: ActorHost = { ports: systemPorts(), store, report: () => {}, client: () => ({}) };
    const loaded = isNew ? undefined : await store.acquire(id);
    const options = { definition: definition as AnyDefinition, id, name: "test", key: [id], host };
    if (loaded === undefined)
      return createInstance({ ...options, epoch: 1, start: { type: "create", input: 0 } });
    return createInstance({ ...options, epoch: loaded.record.epoch, start: { type: "wake", loaded } });
  }

  test("an actor without SQL has no database file; the first use moves the actor's data there", async (t) => {
    const path = mkdtempSync(join(tmpdir(), "holdfast-late-"));
    t.after(() => rmSync(path, { recursive: true, force: true }));
    let store = await openSqliteStore({ path, ports: systemPorts() });
    const [user, other] = [
      await running(store, "actor-0001", true),
      await running(store, "actor-0002", true),
    ];
    await Promise.all([user, other].map((each) => callWithKey(each, "first", "add")));
    assert.deepEqual(paths(path), []);
    // Other calls write continuously.
    const around = Promise.all(Array.from({ length: 50 }, (_, n) => callWithKey(user, `add ${n}`, "add")));
    const used = await call(user, "run");
    await around;
    assert.equal(await call(user, "count"), 52);
    assert.equal(paths(path).length, 1);
    await Promise.all([user.sleep(), other.sleep()]);
    await store.close();

    store = await openSqliteStore({ path, ports: systemPorts() });
    const again = await running(store, "actor-0001", false);
    assert.equal(await call(again, "count"), 52);
    // A call that ran before the move is still deduplicated after it.
    assert.equal(await callWithKey(again, "first", "add"), 1);
    assert.equal(await callWithKey(again, "add 7", "add"), await callWithKey(again, "add 7", "add"));
    assert.deepEqual(await call(again, "names"), [`row ${used}`]);
    assert.equal(await call(again, "run"), 53);
    await again.sleep();
    while (store.stats().openFiles > 0) await turn();
    const destroyed = await running(store, "actor-0001", false);
    await destroyed.destroy();
    while (paths(path).length > 0) await turn();
    await store.close();
  });
});
