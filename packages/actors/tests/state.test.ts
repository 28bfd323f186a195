import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode, type StandardSchema } from "@holdfast/core";
import { call, turn, world } from "./harness.ts";

const code = (group: string, name: string) => (error: unknown) => isErrorCode(error, group, name);

/** A schema of `{ n: number }` that adds a missing `label`. */
const counterSchema: StandardSchema<unknown, { n: number; label: string }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: async (value) => {
      await turn();
      const { n, label } = (value ?? {}) as { n?: unknown; label?: unknown };
      if (typeof n !== "number") return { issues: [{ message: "n is not a number", path: ["n"] }] };
      return { value: { n, label: typeof label === "string" ? label : "none" } };
    },
  },
};

describe("stateSchema", () => {
  test("validates the initial state; a rejected one prevents the creation", async () => {
    const w = world();
    const good = actor({
      stateSchema: counterSchema,
      createState: (_c, input: number) => ({ n: input }) as { n: number; label: string },
      actions: { get: (c) => c.state.label + c.state.n },
    });
    assert.equal(await call(w.create(good, 3), "get"), "none3");
    const bad = w.create(good, "three", "b");
    await assert.rejects(bad.ready, (error) => {
      assert.ok(isErrorCode(error, "actor", "invalid_state"));
      assert.deepEqual(error.metadata, { issues: [{ message: "n is not a number", path: ["n"] }] });
      return true;
    });
    assert.equal(await w.store.get("b"), undefined);
  });

  test("validates a loaded state, adds defaults, and leaves a rejected one unchanged", async () => {
    const w = world();
    await w.create(actor({ state: { n: 1 } })).ready;
    const definition = actor({
      stateSchema: counterSchema,
      actions: { get: (c) => c.state, add: (c) => ++c.state.n },
    });
    const instance = await w.wake(definition);
    assert.deepEqual(await call(instance, "get"), { n: 1, label: "none" });
    await call(instance, "add");
    await instance.sleep();
    const commits = w.store.commits.length;
    const again = await w.wake(definition);
    assert.deepEqual(await call(again, "get"), { n: 2, label: "none" });
    assert.equal(w.store.commits.length, commits, "a state that is as the schema wants it is not written");
    await w.create(actor({ state: { n: "one" } }), undefined, "b").ready;
    await assert.rejects((await w.wake(definition, "b")).ready, code("actor", "invalid_state"));
    const back = actor({ state: { n: "" }, actions: { get: (c) => c.state } });
    assert.deepEqual(await call(await w.wake(back, "b"), "get"), { n: "one" });
  });
});

describe("migrateState", () => {
  const get = { get: (c: { state: unknown }) => c.state };
  const second = (stored: { n: number }) => ({ count: stored.n, history: [] as number[] });
  const third = async (stored: { count: number; history: number[] }) => {
    await turn();
    stored.history.push(stored.count);
  };

  test("runs each migration that a stored state has not been through, once, in order", async () => {
    const w = world();
    const first = actor({ state: { n: 7 }, actions: get });
    await w.create(first).ready;
    const v1 = actor({ state: {}, migrateState: [second], actions: get });
    const instance = await w.wake(v1);
    assert.deepEqual(await call(instance, "get"), { count: 7, history: [] });
    await instance.sleep();
    const v2 = actor({ state: {}, migrateState: [second, third], actions: get });
    const newer = await w.wake(v2);
    assert.deepEqual(await call(newer, "get"), { count: 7, history: [7] });
    await newer.sleep();
    const commits = w.store.commits.length;
    const same = await w.wake(v2);
    assert.deepEqual(await call(same, "get"), { count: 7, history: [7] });
    assert.equal(w.store.commits.length, commits);
    await same.sleep();
    const older = await w.wake(v1);
    await assert.rejects(older.ready, (error) => {
      assert.ok(isErrorCode(error, "actor", "state_version_too_new"));
      assert.deepEqual(error.metadata, { stored: 2, known: 1 });
      return true;
    });
    assert.deepEqual(await call(await w.wake(v2), "get"), { count: 7, history: [7] });
  });

  test("a new actor has the newest version and runs no migration", async () => {
    const w = world();
    const never = (): never => assert.fail("a migration ran");
    const definition = actor({ state: { n: 1 }, migrateState: [never, never], actions: get });
    const instance = w.create(definition);
    await instance.ready;
    await instance.sleep();
    assert.deepEqual(await call(await w.wake(definition), "get"), { n: 1 });
  });

  test("a migration that throws leaves the stored state unchanged", async () => {
    const w = world();
    await w.create(actor({ state: { n: 1 }, actions: get })).ready;
    const broken = actor({
      state: {},
      migrateState: [
        (stored: { n: number }) => {
          stored.n = 2;
          throw new Error("broken");
        },
      ],
      actions: get,
    });
    await assert.rejects((await w.wake(broken)).ready, code("internal", "internal_error"));
    assert.deepEqual(await call(await w.wake(actor({ state: {}, actions: get })), "get"), { n: 1 });
  });
});

test("a state of 64 MiB is created, patched and loaded", { timeout: 60_000 }, async () => {
  const w = world();
  const block = "x".repeat(65_536);
  const definition = actor({
    createState: () => ({ rows: Array.from({ length: 1_024 }, (_, id) => ({ id, block })), touched: 0 }),
    actions: {
      touch: (c) => {
        const row = c.state.rows[500];
        if (row !== undefined) row.block = "short";
        return ++c.state.touched;
      },
      size: (c) => [c.state.rows.length, c.state.rows[500]?.block, c.state.rows[1_023]?.block.length],
    },
  });
  const instance = w.create(definition);
  await instance.ready;
  const created = w.store.commits[0]?.state;
  assert.ok(created !== undefined && created.bytes.length > 64 * 1_048_576);
  await call(instance, "touch");
  const patch = w.store.commits.at(-1)?.state;
  assert.ok(patch?.type === "patch" && patch.bytes.length < 100, "a small change is a small write");
  await instance.sleep();
  assert.deepEqual(await call(await w.wake(definition), "size"), [1_024, "short", 65_536]);
});
