import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ActorContextOf, actor, db, type RawAccess } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { call, deferred, outcome, turn, world } from "./harness.ts";

const items = db({
  onMigrate: async (database) => {
    await database.execute("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)");
  },
});

/** An actor whose action runs whatever a test wants on its `c.db`. */
function scripted(run: (database: RawAccess, ...args: never[]) => unknown, extra: object = {}) {
  return actor({
    db: items,
    state: { count: 0 },
    actions: {
      run: (c, ...args: never[]) => run(c.db, ...args),
      names: (c) =>
        c.db.query<{ name: string }>("SELECT name FROM items ORDER BY id").map(({ name }) => name),
    },
    ...extra,
  });
}

async function once(run: (database: RawAccess) => unknown): Promise<unknown> {
  const instance = world().create(scripted(run));
  try {
    return await call(instance, "run");
  } finally {
    await instance.sleep();
  }
}

function code(name: string): (error: unknown) => boolean {
  return (error) => {
    if (isErrorCode(error, "db", name)) return true;
    throw new Error(`Expected db.${name}`, { cause: error });
  };
}

describe("c.db", () => {
  test("runs SQL and gives rows as plain objects", async () => {
    const rows = await once(async (database) => {
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
    await once(async (database) => {
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

  test("whole numbers are integers of SQL, whatever the column", async () => {
    await once(async (database) => {
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

  test("an object may have more names than the SQL, and must have those", async () => {
    await once(async (database) => {
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

  test("refuses values that SQL does not take, and texts that are none", async () => {
    await once(async (database) => {
      for (const value of [undefined, new Date(0), Symbol("s"), [1, 256], () => 1]) {
        await assert.rejects(database.execute("SELECT ?", value as never), code("invalid_binding"));
      }
      await assert.rejects(database.execute("SELECT :a", { a: undefined } as never), code("invalid_binding"));
      await assert.rejects(database.execute(1 as never), code("invalid_arguments"));
      await assert.rejects(database.execute("SELECT ?; SELECT 2", 1), code("invalid_arguments"));
    });
  });

  test("runs several statements, and nothing for blanks and comments", async () => {
    await once(async (database) => {
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

  test("an error of SQL is SQLite's own, and undoes only its statement", async () => {
    await once(async (database) => {
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

  test("synchronous reads see what was written before, and only read", async () => {
    await once((database) => {
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

  test("full text search, JSON and VACUUM are there", async () => {
    await once(async (database) => {
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

  test("foreign keys are enforced, unless a PRAGMA says otherwise", async () => {
    await once(async (database) => {
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

  test("what is the runtime's own is refused", async () => {
    await once(async (database) => {
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

  test("is absent without a definition of it", async () => {
    const instance = world().create(actor({ actions: { run: (c) => (c as unknown as { db: unknown }).db } }));
    await assert.rejects(call(instance, "run"), code("not_enabled"));
  });

  test("what it wrote is in the commit of the turn, and nothing else commits it", async () => {
    const { store, create, wake } = world();
    const definition = scripted(async (database) => {
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

  test("a read alone commits nothing", async () => {
    const { store, create } = world();
    const instance = create(scripted((database) => database.query("SELECT * FROM items")));
    await instance.ready;
    const before = store.commits.length;
    await call(instance, "run");
    assert.equal(store.commits.length, before);
  });

  test("a failed commit undoes the SQL of its turn", async () => {
    const { store, create, wake } = world();
    const definition = scripted((database) => database.execute("INSERT INTO items (name) VALUES ('lost')"));
    const instance = create(definition);
    await instance.ready;
    const commit = store.commit;
    store.commit = () => Promise.reject(new Error("planned"));
    await assert.rejects(call(instance, "run"));
    assert.equal(await instance.stopped, "failed");
    store.commit = commit;
    assert.deepEqual(await call(await wake(definition), "names"), []);
  });

  test("after the actor has stopped it is closed", async () => {
    let kept: RawAccess | undefined;
    const instance = world().create(
      scripted((database) => {
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

  test("works in every hook up to the end", async () => {
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
    const second = create(scripted(() => undefined));
    assert.deepEqual(await call(second, "names"), []);
  });

  test("migrations that fail are undone and the actor does not start", async () => {
    const { create, wake } = world();
    const first = create(scripted((database) => database.execute("INSERT INTO items (name) VALUES ('a')")));
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
    assert.deepEqual(await call(await wake(scripted(() => undefined)), "names"), ["a"]);
  });
});

describe("c.transaction with c.db", () => {
  const definition = actor({
    db: items,
    state: { count: 0 },
    actions: {
      fail: async (c) => {
        await c.db.execute("INSERT INTO items (name) VALUES ('kept')");
        c.state.count = 1;
        await assert.rejects(
          c.transaction(async () => {
            c.state.count = 2;
            await c.kv.put("k", "v");
            await c.db.execute("INSERT INTO items (name) VALUES ('undone')");
            await c.db.transaction(async (tx) => {
              await tx.execute("INSERT INTO items (name) VALUES ('also undone')");
            });
            throw new Error("no");
          }),
          /no/,
        );
        return [c.state.count, await c.kv.get("k"), c.db.query("SELECT name FROM items")];
      },
      succeed: async (c) => {
        await c.transaction(async () => {
          c.state.count = 5;
          await c.db.execute("INSERT INTO items (name) VALUES ('both')");
        });
        return [c.state.count, c.db.query("SELECT name FROM items")];
      },
    },
  });
  type Hooked = ActorContextOf<typeof definition>;

  test("state, kv and db go back together", async () => {
    const instance = world().create(definition);
    assert.deepEqual(await call(instance, "fail"), [1, null, [{ name: "kept" }]]);
    assert.equal(null as unknown as Hooked | null, null);
  });

  test("and stay together", async () => {
    const { create, wake } = world();
    const instance = create(definition);
    assert.deepEqual(await call(instance, "succeed"), [5, [{ name: "both" }]]);
    await instance.sleep();
    assert.deepEqual(await call(await wake(scripted(() => undefined)), "names"), ["both"]);
  });
});

describe("c.db.transaction", () => {
  test("keeps what resolves and undoes what throws", async () => {
    await once(async (database) => {
      const result = await database.transaction(async (tx) => {
        await tx.execute("INSERT INTO items (name) VALUES ('a')");
        await turn();
        await tx.execute("INSERT INTO items (name) VALUES ('b')");
        return "kept";
      });
      assert.equal(result, "kept");
      await assert.rejects(
        database.transaction(async (tx) => {
          await tx.execute("DELETE FROM items");
          await turn();
          throw new Error("undo");
        }),
        /undo/,
      );
      assert.equal(database.query("SELECT * FROM items").length, 2);
    });
  });

  test("others wait their turn, in order", async () => {
    await once(async (database) => {
      const order: string[] = [];
      const hold = deferred();
      const first = database.transaction(async (tx) => {
        order.push("first begins");
        await hold.promise;
        await tx.execute("INSERT INTO items (name) VALUES ('first')");
        order.push("first ends");
      });
      const plain = database
        .execute<{ n: number }>("SELECT count(*) AS n FROM items")
        .then(([row]) => order.push(`plain sees ${row?.n}`));
      const second = database.transaction(async () => void order.push("second"));
      await turn();
      assert.deepEqual(order, ["first begins"]);
      hold.resolve();
      await Promise.all([first, plain, second]);
      assert.deepEqual(order.slice(0, 2), ["first begins", "first ends"]);
      assert.deepEqual(order.slice(2).sort(), ["plain sees 1", "second"]);
    });
  });

  test("no turn commits while it is open", async () => {
    const { store, create } = world();
    const hold = deferred();
    const instance = create(
      actor({
        db: items,
        state: { n: 0 },
        actions: {
          slow: (c) =>
            c.db.transaction(async (tx) => {
              await tx.execute("INSERT INTO items (name) VALUES ('half')");
              await hold.promise;
              throw new Error("undo");
            }),
          bump: (c) => {
            c.state.n++;
          },
        },
      }),
    );
    await instance.ready;
    const before = store.commits.length;
    const slow = call(instance, "slow");
    const bump = call(instance, "bump");
    assert.equal(await outcome(bump), "pending");
    assert.equal(store.commits.length, before);
    hold.resolve();
    await assert.rejects(slow);
    await bump;
    assert.equal(store.commits.length > before, true);
  });

  test("nested ones on tx are undone alone", async () => {
    await once(async (database) => {
      await database.transaction(async (tx) => {
        await tx.execute("INSERT INTO items (name) VALUES ('outer')");
        await assert.rejects(
          tx.transaction(async (inner) => {
            await inner.execute("INSERT INTO items (name) VALUES ('inner')");
            throw new Error("inner");
          }),
          /inner/,
        );
      });
      assert.deepEqual(database.query("SELECT name FROM items"), [{ name: "outer" }]);
    });
  });

  test("c.db inside the callback is a deadlock that the timeout ends, with an explanation", async () => {
    const { create, ports } = world();
    const instance = create(
      scripted((database) =>
        database.transaction(
          async (tx) => {
            await tx.execute("INSERT INTO items (name) VALUES ('a')");
            await database.execute("SELECT 1");
          },
          { timeout: 500 },
        ),
      ),
    );
    await instance.ready;
    const reply = call(instance, "run");
    await turn();
    ports.advance(499);
    assert.equal(await outcome(reply), "pending");
    ports.advance(1);
    await assert.rejects(reply, (error) => {
      assert.match(String(error), /deadlock/);
      return code("transaction_expired")(error);
    });
    assert.deepEqual(await call(instance, "names"), []);
  });

  test("takes a positive finite timeout, and 60 seconds unless given", async () => {
    const { create, ports } = world();
    const never = new Promise<never>(() => undefined);
    const instance = create(
      scripted(
        async (database) => {
          for (const timeout of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
            await assert.rejects(
              database.transaction(() => 1, { timeout }),
              /positive finite/,
            );
          }
          await database.transaction(() => never);
        },
        { options: { actionTimeout: 1_000_000 } },
      ),
    );
    await instance.ready;
    const reply = call(instance, "run");
    await turn();
    ports.advance(59_999);
    assert.equal(await outcome(reply), "pending");
    ports.advance(1);
    await assert.rejects(reply, code("transaction_expired"));
  });

  test("tx is of no use after its end", async () => {
    await once(async (database) => {
      let kept: RawAccess | undefined;
      await database.transaction((tx) => {
        kept = tx;
      });
      await assert.rejects(async () => kept?.execute("SELECT 1"), code("transaction_closed"));
    });
  });

  test("at most 128 wait", async () => {
    await once(async (database) => {
      const hold = deferred();
      const first = database.transaction(() => hold.promise);
      const waiting = Array.from({ length: 128 }, () => database.execute("SELECT 1"));
      await assert.rejects(database.execute("SELECT 1"), code("transaction_queue_full"));
      await assert.rejects(
        database.transaction(() => 1),
        code("transaction_queue_full"),
      );
      hold.resolve();
      await first;
      assert.equal((await Promise.all(waiting)).length, 128);
      await database.execute("SELECT 1");
    });
  });

  test("BEGIN by hand works, holds the commit, and is warned of once", async () => {
    const { create, wake, store } = world();
    const definition = scripted(async (database) => {
      await database.execute("BEGIN");
      await database.execute("INSERT INTO items (name) VALUES ('a')");
      const commits = store.commits.length;
      await turn();
      assert.equal(store.commits.length, commits);
      await database.execute("COMMIT");
      await database.execute("BEGIN IMMEDIATE");
      await database.execute("INSERT INTO items (name) VALUES ('b')");
      await database.execute("ROLLBACK");
      await assert.rejects(database.execute("COMMIT"), /no transaction is active/);
      await assert.rejects(database.execute("ROLLBACK"), /no transaction is active/);
    });
    const instance = create(definition);
    await call(instance, "run");
    await instance.sleep();
    assert.deepEqual(await call(await wake(definition), "names"), ["a"]);
  });

  test("what is open when the actor stops is undone", async () => {
    const { create, wake, ports } = world();
    const definition = scripted((database) =>
      database.transaction(async (tx) => {
        await tx.execute("INSERT INTO items (name) VALUES ('half')");
        await new Promise(() => undefined);
      }),
    );
    const instance = create(definition);
    const reply = call(instance, "run");
    reply.catch(() => undefined);
    await turn();
    const stopped = instance.sleep();
    await turn();
    ports.advance(15_000);
    assert.equal(await stopped, "slept");
    await assert.rejects(reply);
    assert.deepEqual(await call(await wake(definition), "names"), []);
  });
});
