import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { actor, db, exportActor, forkActor, importActor, stateAt } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { call, world } from "./harness.ts";

const journal = actor({
  state: { lines: [] as string[], seen: new Map<string, Date>() },
  db: db({ onMigrate: async (c) => void (await c.execute("CREATE TABLE IF NOT EXISTS line (text TEXT)")) }),
  actions: {
    add: async (c, text: string) => {
      c.state.lines.push(text);
      c.state.seen.set(text, new Date(5));
      await c.db.execute("INSERT INTO line VALUES (?)", text);
      await c.kv.put(text, "kept");
      return (await c.blob.put(text)).hash;
    },
    all: async (c) => [
      c.state.lines,
      c.db.query<{ text: string }>("SELECT text FROM line").map((row) => row.text),
      (await c.kv.list("")).map(([key]) => key),
      (await c.blob.list()).length,
    ],
  },
});

const identity = (id: string) => ({ id, name: "test", key: [id], createdAt: 9 });

describe("the history of an actor", () => {
  test("returns the state as user code saw it, at any retained time", async () => {
    const w = world();
    const instance = w.create(journal);
    await instance.ready;
    const times = [w.ports.clock.now()];
    for (const text of ["a", "b"]) {
      w.ports.advance(1_000);
      await call(instance, "add", text);
      times.push(w.ports.clock.now());
    }
    const at = (index: number) => stateAt(w.store, "a", times[index] ?? 0);
    assert.deepEqual(await at(0), { lines: [], seen: new Map() });
    assert.deepEqual(await at(1), { lines: ["a"], seen: new Map([["a", new Date(5)]]) });
    assert.deepEqual(((await at(2)) as { lines: string[] }).lines, ["a", "b"]);
    await assert.rejects(stateAt(w.store, "a", 1), (error) =>
      isErrorCode(error, "actor", "history_not_kept"),
    );
    await assert.rejects(stateAt(w.store, "none", 1), (error) =>
      isErrorCode(error, "actor", "history_not_kept"),
    );
  });

  test("forks and imports are complete and independent", async () => {
    const w = world();
    const instance = w.create(journal);
    for (const text of ["a", "b"]) await call(instance, "add", text);
    const everything = [["a", "b"], ["a", "b"], ["a", "b"], 2];
    await forkActor(w.store, "a", identity("fork"));
    await importActor(w.store, exportActor(w.store, "a"), identity("import"));
    for (const id of ["fork", "import"]) {
      const copy = await w.wake(journal, id);
      assert.deepEqual(await call(copy, "all"), everything);
      await call(copy, "add", "c");
      await copy.sleep();
      assert.deepEqual(await call(await w.wake(journal, id), "all"), [
        ["a", "b", "c"],
        ["a", "b", "c"],
        ["a", "b", "c"],
        3,
      ]);
    }
    assert.deepEqual(await call(instance, "all"), everything);
  });

  // Copying the whole buffer for each chunk would copy half a terabyte.
  test("an import accepts chunks of any size", { timeout: 30_000 }, async () => {
    const large = actor({
      state: { text: "" },
      actions: {
        fill: (c, length: number) => {
          c.state.text = "x".repeat(length);
        },
        length: (c) => c.state.text.length,
      },
    });
    const w = world();
    const length = 32 * 1_048_576;
    await call(w.create(large), "fill", length);
    const inPieces = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of exportActor(w.store, "a")) {
        for (let at = 0; at < piece.length; at += 1_024) {
          if (at % 1_048_576 === 0) await setImmediate();
          yield piece.subarray(at, at + 1_024);
        }
      }
    };
    await importActor(w.store, inPieces(), identity("import"));
    assert.equal(await call(await w.wake(large, "import"), "length"), length);
  });

  test("a fork of a point in time starts with the state of that time only", async () => {
    const w = world();
    const instance = w.create(journal);
    await call(instance, "add", "a");
    const then = w.ports.clock.now();
    w.ports.advance(1_000);
    await call(instance, "add", "b");
    await forkActor(w.store, "a", identity("then"), { at: then });
    assert.deepEqual(await call(await w.wake(journal, "then"), "all"), [["a"], [], [], 0]);
  });
});
