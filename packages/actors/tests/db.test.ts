import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, db, type RawAccess } from "@holdfast/actors";
import { code, items, runOnce, scriptedActor } from "./db-support.ts";
import { call, outcome, turn, world } from "./harness.ts";

describe("c.db", () => {
  test("runs SQL and returns rows as plain objects", async () => {
    const rows = await runOnce(async (database) => {
      await database.execute("INSERT INTO items (name) VALUES (?), (?)", "a", "b");
      const all = await database.execute<{ id: number; name: string }>("SELECT * FROM items WHERE id > ?", 0);
      assert.equal(Object.getPrototypeOf(all[0]), Object.prototype);
      return all;
    });
    assert.deepEqual(rows, [
      { id: 1, name: "a" },
      { id: 2, name: "b" },
    ]);
  });

  test("binds every kind of value, by position and by name", async () => {
    await runOnce(async (database) => {
      const [row] = await database.execute(
        "SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f, typeof(?) AS g",
        null,
        1.5,
        "text",
        2n ** 60n,
        new Uint8Array([1, 2]),
        true,
        [3, 4],
      );
      assert.deepEqual(row, {
        a: null,
        b: 1.5,
        c: "text",
        d: 2n ** 60n,
        e: new Uint8Array([1, 2]),
        f: 1,
        g: "blob",
      });
      assert.deepEqual(
        await database.execute("SELECT :a AS a, $b AS b, @c AS c", { a: 1, $b: "x", c: false }),
        [{ a: 1, b: "x", c: 0 }],
      );
      assert.deepEqual(await database.sql`SELECT ${1} + ${2} AS sum`, [{ sum: 3 }]);
    });
  });

  test("whole numbers are SQL integers, whatever the column type", async () => {
    await runOnce(async (database) => {
      assert.deepEqual(
        await database.execute(
          "SELECT typeof(?) AS whole, typeof(?) AS part, typeof(?) AS no, typeof(?) AS large, ? / 2 AS half, 'n' || ? AS text",
          5,
          1.5,
          false,
          2 ** 63,
          5,
          7,
        ),
        [{ whole: "integer", part: "real", no: "integer", large: "real", half: 2, text: "n7" }],
      );
      assert.deepEqual(database.get("SELECT typeof(:a) AS named", { a: 3 }), { named: "integer" });
      assert.deepEqual(await database.execute("SELECT ? AS edge, ? AS low", 2 ** 53 - 1, -(2 ** 53) + 1), [
        { edge: 2 ** 53 - 1, low: -(2 ** 53) + 1 },
      ]);
    });
  });

  test("an object may contain extra names, but has to contain those of the SQL", async () => {
    await runOnce(async (database) => {
      assert.deepEqual(await database.execute("SELECT :a AS a, ':c' AS c -- @d", { a: 1, b: 2 }), [
        { a: 1, c: ":c" },
      ]);
      assert.deepEqual(await database.execute("SELECT :a AS x, @a AS y, $a AS z", { "@a": 1 }), [
        { x: 1, y: 1, z: 1 },
      ]);
      assert.deepEqual(await database.execute("SELECT ? AS a, ? AS b", { first: 1, second: 2 }), [
        { a: 1, b: 2 },
      ]);
      await assert.rejects(
        database.execute("SELECT :a AS a, :b AS b", { a: 1 }),
        /missing bind parameter: :b/,
      );
      assert.throws(() => database.query("SELECT $a AS a", {}), code("invalid_binding"));
    });
  });

  test("rejects values that SQL does not accept, and SQL that is not a string", async () => {
    await runOnce(async (database) => {
      for (const value of [undefined, new Date(0), Symbol("s"), [1, 256], () => 1]) {
        await assert.rejects(database.execute("SELECT ?", value as never), code("invalid_binding"));
      }
      await assert.rejects(database.execute("SELECT :a", { a: undefined } as never), code("invalid_binding"));
      await assert.rejects(database.execute(1 as never), code("invalid_arguments"));
      await assert.rejects(database.execute("SELECT ?; SELECT 2", 1), code("invalid_arguments"));
    });
  });

  test("runs several statements, and nothing for whitespace and comments", async () => {
    await runOnce(async (database) => {
      const rows = await database.execute(
        "-- makes two;\nINSERT INTO items (name) VALUES ('a;b'); /* ; */ INSERT INTO items (name) VALUES ('c');; SELECT count(*) AS n FROM items; ",
      );
      assert.deepEqual(rows, [{ n: 2 }]);
      assert.deepEqual(await database.execute(" -- nothing\n ; "), []);
      await assert.rejects(
        database.execute(
          "INSERT INTO items (name) VALUES ('d'); NOT SQL; INSERT INTO items (name) VALUES ('e')",
        ),
        /syntax error/,
      );
      assert.equal(database.get<{ n: number }>("SELECT count(*) AS n FROM items")?.n, 3);
    });
  });

  test("positional values can bind names, and the last statement with columns determines the rows", async () => {
    const definition = actor({
      db: db(),
      actions: {
        run: async (c) => [
          await c.db.execute("SELECT :a AS a, @b AS b, :a AS again, ':c' AS text", 1, "x"),
          await c.db.execute("SELECT :a AS a, :b AS b", 1),
          c.db.query("SELECT $a AS a", null),
          await c.db.execute("SELECT 1 AS a; CREATE TABLE late (v); INSERT INTO late VALUES (1)"),
          await c.db.execute("SELECT 1 AS a; SELECT 2 AS b WHERE 0; PRAGMA optimize"),
        ],
      },
    });
    const instance = world().create(definition);
    assert.deepEqual(await call(instance, "run"), [
      [{ a: 1, b: "x", again: 1, text: ":c" }],
      [{ a: 1, b: null }],
      [{ a: null }],
      [{ a: 1 }],
      [],
    ]);
    await instance.sleep();
  });

  test("an SQL error is SQLite's own and undoes only its statement", async () => {
    await runOnce(async (database) => {
      await database.execute("INSERT INTO items (name) VALUES ('a')");
      await assert.rejects(database.execute("INSERT INTO items (name) VALUES ('b'), ('a')"), (error) => {
        assert.match(String(error), /UNIQUE constraint failed: items.name/);
        assert.equal((error as { errcode?: unknown }).errcode, 2067);
        return true;
      });
      await assert.rejects(database.execute("SELECT * FROM no_such_table"), /no such table/);
      assert.equal(database.query("SELECT * FROM items").length, 1);
    });
  });

  test("synchronous reads see earlier writes and cannot write", async () => {
    await runOnce((database) => {
      void database.execute("INSERT INTO items (name) VALUES ('a')");
      assert.deepEqual(database.query("SELECT name FROM items"), [{ name: "a" }]);
      assert.deepEqual(database.get("SELECT name FROM items WHERE id = ?", 9), undefined);
      for (const sql of [
        "DELETE FROM items",
        "SELECT 1; SELECT 2",
        "BEGIN",
        "VACUUM",
        "",
        "PRAGMA user_version = 3",
      ]) {
        assert.throws(() => database.query(sql), code("not_a_read"), sql);
      }
      assert.deepEqual(database.query("PRAGMA table_info(items)").length, 2);
    });
  });

  test("full-text search, JSON and VACUUM are available", async () => {
    await runOnce(async (database) => {
      await database.execute(
        "CREATE VIRTUAL TABLE notes USING fts5(body); INSERT INTO notes VALUES ('hold fast')",
      );
      assert.equal(database.query("SELECT * FROM notes WHERE notes MATCH 'fast'").length, 1);
      assert.deepEqual(database.get("SELECT json_extract('{\"a\":[1,2]}', '$.a[1]') AS v"), { v: 2 });
      await database.execute("VACUUM");
      await database.execute("ANALYZE");
      await database.execute("PRAGMA optimize");
    });
  });

  test("foreign keys are enforced, unless a PRAGMA disables them", async () => {
    await runOnce(async (database) => {
      assert.deepEqual(database.get("PRAGMA foreign_keys"), { foreign_keys: 1 });
      await database.execute(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (of REFERENCES parent (id) ON DELETE CASCADE)",
      );
      await assert.rejects(database.execute("INSERT INTO child VALUES (9)"), /FOREIGN KEY constraint failed/);
      await database.execute("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)");
      await database.execute("DELETE FROM parent");
      assert.deepEqual(database.query("SELECT * FROM child"), []);
      await database.execute("PRAGMA foreign_keys = OFF");
      assert.deepEqual(database.get("PRAGMA foreign_keys"), { foreign_keys: 0 });
      await database.execute("INSERT INTO child VALUES (9)");
    });
  });

  test("access to the runtime's own tables is rejected", async () => {
    await runOnce(async (database) => {
      for (const sql of [
        "CREATE TABLE _holdfast_mine (a)",
        "CREATE TABLE _HOLDFAST_x (a)",
        "ALTER TABLE items RENAME TO _holdfast_items",
        "SAVEPOINT _holdfast_tx_1",
      ]) {
        await assert.rejects(database.execute(sql), (error) => /reserved|own/.test(String(error)), sql);
      }
      for (const sql of [
        "ATTACH ':memory:' AS other",
        "VACUUM INTO '/tmp/never'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA synchronous = OFF",
        "PRAGMA writable_schema = ON",
      ]) {
        await assert.rejects(database.execute(sql), code("not_allowed"), sql);
      }
    });
  });

  test("writes commit with the turn, and only then", async () => {
    const { store, create, wake } = world();
    const definition = scriptedActor(async (database) => {
      await database.execute("INSERT INTO items (name) VALUES ('a')");
      return "done";
    });
    const instance = create(definition);
    await instance.ready;
    const before = store.commits.length;
    store.hold = true;
    const reply = call(instance, "run");
    await turn();
    assert.equal(store.commits.length, before + 1);
    assert.equal(store.commits.at(-1)?.database, true);
    assert.equal(await outcome(reply), "pending");
    store.held[0]?.land();
    assert.equal(await reply, "done");
    store.hold = false;
    await instance.sleep();
    const again = await wake(definition);
    assert.deepEqual(await call(again, "names"), ["a"]);
  });

  test("a read causes no commit", async () => {
    const { store, create } = world();
    const instance = create(scriptedActor((database) => database.query("SELECT * FROM items")));
    await instance.ready;
    const before = store.commits.length;
    await call(instance, "run");
    assert.equal(store.commits.length, before);
  });

  test("a failed commit rolls back the SQL of its turn", async () => {
    const { store, create, wake } = world();
    const definition = scriptedActor((database) =>
      database.execute("INSERT INTO items (name) VALUES ('lost')"),
    );
    const instance = create(definition);
    await instance.ready;
    const commit = store.commit;
    store.commit = () => Promise.reject(new Error("planned"));
    await assert.rejects(call(instance, "run"));
    assert.equal(await instance.stopped, "failed");
    store.commit = commit;
    assert.deepEqual(await call(await wake(definition), "names"), []);
  });

  test("is closed after the actor has stopped", async () => {
    let kept: RawAccess | undefined;
    const instance = world().create(
      scriptedActor((database) => {
        kept = database;
      }),
    );
    await call(instance, "run");
    await instance.sleep();
    await assert.rejects(
      async () => kept?.execute("SELECT 1"),
      (error) => {
        assert.match(String(error), /Database is closed/);
        return code("closed")(error);
      },
    );
    assert.throws(() => kept?.query("SELECT 1"), code("closed"));
    await assert.rejects(async () => kept?.transaction(() => 1), code("closed"));
  });

  test("works in every hook until the end", async () => {
    const seen: string[] = [];
    const note = async (c: { readonly db: RawAccess }, hook: string): Promise<void> => {
      await c.db.execute("INSERT INTO items (name) VALUES (?)", hook);
      seen.push(hook);
    };
    const definition = actor({
      db: items,
      state: {},
      onMigrate: (c, isNew) => note(c, `migrate ${isNew}`),
      onCreate: (c) => note(c, "create"),
      onWake: (c) => note(c, `wake ${seen.length}`),
      onSleep: (c) => note(c, "sleep"),
      actions: { all: (c) => c.db.query<{ name: string }>("SELECT name FROM items").map((row) => row.name) },
    });
    const { create, wake } = world();
    const instance = create(definition);
    await instance.sleep();
    const again = await wake(definition);
    assert.deepEqual(await call(again, "all"), [
      "migrate true",
      "create",
      "wake 2",
      "sleep",
      "migrate false",
      "wake 5",
    ]);
  });

  test("a failed creation leaves no database", async () => {
    const { create, store } = world();
    const failing = create(
      actor({
        db: items,
        onCreate: async (c) => {
          await c.db.execute("INSERT INTO items (name) VALUES ('a')");
          throw new Error("no");
        },
      }),
    );
    await assert.rejects(failing.ready);
    assert.equal(await store.get("a"), undefined);
    const second = create(scriptedActor(() => undefined));
    assert.deepEqual(await call(second, "names"), []);
  });

  test("failed migrations are rolled back, and the actor does not start", async () => {
    const { create, wake } = world();
    const first = create(
      scriptedActor((database) => database.execute("INSERT INTO items (name) VALUES ('a')")),
    );
    await call(first, "run");
    await first.sleep();
    const broken = actor({
      db: db({
        onMigrate: async (database) => {
          await database.execute("DELETE FROM items");
          await database.execute("NOT SQL");
        },
      }),
    });
    await assert.rejects((await wake(broken)).ready);
    assert.deepEqual(await call(await wake(scriptedActor(() => undefined)), "names"), ["a"]);
  });
});
