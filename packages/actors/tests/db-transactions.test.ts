import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, type RawAccess } from "@holdfast/actors";
import { code, items, runOnce, scriptedActor } from "./db-support.ts";
import { call, deferred, outcome, turn, world } from "./harness.ts";

test("a statement that waits for a transaction uses the bytes passed to the call", async () => {
  const rows = await runOnce(async (database) => {
    await database.execute("CREATE TABLE kept (content BLOB)");
    const held = deferred();
    const open = database.transaction(() => held.promise);
    const bytes = Uint8Array.of(1, 2, 3);
    const waiting = [
      database.execute("INSERT INTO kept VALUES (?)", bytes),
      database.execute("INSERT INTO kept VALUES ($content)", { content: bytes }),
    ];
    bytes.fill(9);
    held.resolve();
    await Promise.all([open, ...waiting]);
    return database.query("SELECT hex(content) AS content FROM kept");
  });
  assert.deepEqual(rows, [{ content: "010203" }, { content: "010203" }]);
});

describe("c.transaction with c.db", () => {
  for (const isCaught of [false, true]) {
    const how = isCaught ? "is caught" : "is not caught";
    test(`SQL that rolls back everything within it, and ${how}, fails the turn and restarts the actor`, async () => {
      const w = world();
      const lossy = actor({
        db: items,
        state: { count: 0 },
        actions: {
          lose: (c) =>
            c.transaction(async () => {
              c.state.count++;
              await c.db.execute("INSERT INTO items (name) VALUES ('a')");
              const undone = c.db.execute("INSERT OR ROLLBACK INTO items (name) VALUES ('a')");
              await (isCaught ? undone.catch(() => []) : undone);
            }),
          kept: (c) => [c.state.count, c.db.query("SELECT name FROM items")],
        },
      });
      const instance = w.create(lossy);
      await instance.ready;
      const lost = call(instance, "lose");
      lost.catch(() => {});
      assert.equal(await instance.stopped, "failed");
      await assert.rejects(lost);
      assert.deepEqual(await call(await w.wake(lossy), "kept"), [0, []]);
    });
  }

  test("a transaction that cannot start fails alone, and the actor continues", async () => {
    const w = world();
    const { open } = w.store.databases;
    let isBusy = false;
    w.store.databases.open = async (...args) => {
      const database = await open.apply(w.store.databases, args);
      const savepoint = (name: string): void => {
        if (isBusy) throw new Error("database is locked");
        database.savepoint(name);
      };
      return new Proxy(database, {
        get: (target, key) => (key === "savepoint" ? savepoint : Reflect.get(target, key)),
      });
    };
    const other = actor({
      db: items,
      state: { count: 0 },
      actions: {
        add: (c) => c.transaction(() => ++c.state.count),
        get: (c) => c.state.count,
      },
    });
    const instance = w.create(other);
    await instance.ready;
    isBusy = true;
    await assert.rejects(call(instance, "add"));
    assert.equal(await call(instance, "get"), 0);
    isBusy = false;
    assert.equal(await call(instance, "add"), 1);
    assert.equal(await instance.sleep(), "slept");
  });

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

  test("state, kv and db roll back together", async () => {
    const instance = world().create(definition);
    assert.deepEqual(await call(instance, "fail"), [1, null, [{ name: "kept" }]]);
  });

  test("state, kv and db commit together", async () => {
    const { create, wake } = world();
    const instance = create(definition);
    assert.deepEqual(await call(instance, "succeed"), [5, [{ name: "both" }]]);
    await instance.sleep();
    assert.deepEqual(await call(await wake(scriptedActor(() => undefined)), "names"), ["both"]);
  });
});

describe("c.db.transaction", () => {
  test("commits when the callback resolves and rolls back when it throws", async () => {
    await runOnce(async (database) => {
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

  test("other callers wait in order", async () => {
    await runOnce(async (database) => {
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

  test("no turn commits while a transaction is open", async () => {
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

  test("nested transactions on tx roll back separately", async () => {
    await runOnce(async (database) => {
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

  test("c.db inside the callback causes a deadlock, which the timeout ends with an explanation", async () => {
    const { create, ports } = world();
    const instance = create(
      scriptedActor((database) =>
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

  test("accepts a positive finite timeout; the default is 60 seconds", async () => {
    const { create, ports } = world();
    const never = new Promise<never>(() => undefined);
    const instance = create(
      scriptedActor(
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

  test("tx cannot be used after the transaction", async () => {
    await runOnce(async (database) => {
      let kept: RawAccess | undefined;
      await database.transaction((tx) => {
        kept = tx;
      });
      await assert.rejects(async () => kept?.execute("SELECT 1"), code("transaction_closed"));
    });
  });

  test("at most 128 calls can wait", async () => {
    await runOnce(async (database) => {
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

  test("a manual BEGIN works, delays the commit, and is warned about once", async () => {
    const { create, wake, store } = world();
    const definition = scriptedActor(async (database) => {
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

  test("transactions that are open when the actor stops are rolled back", async () => {
    const { create, wake, ports } = world();
    const definition = scriptedActor((database) =>
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
