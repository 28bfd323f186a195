import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as macrotask } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import { decodeState } from "./patch.ts";
import { StateLog } from "./state-log.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** Collects garbage: weak references live until the end of a macrotask. */
async function collect(): Promise<void> {
  await macrotask();
  gc();
  await macrotask();
}

/** A log after its first snapshot, and the data a store would contain. */
function stored(initial: unknown) {
  let changes = 0;
  const log = StateLog.create(initial, { stateChanged: () => changes++ });
  const first = log.take();
  assert.equal(first?.type, "snapshot");
  const patches: Uint8Array[] = [];
  return {
    log,
    changes: () => changes,
    /** The state that a store would load now. */
    replay: () => {
      log.checkLeaves(true);
      const change = log.take();
      if (change?.type === "patch") patches.push(change.bytes);
      return decodeState(first.bytes, patches);
    },
  };
}

describe("a resting state", () => {
  test("has no tracker unless user code holds a view", async () => {
    const { log } = stored({ list: [{ n: 1 }] });
    const view = new WeakRef(log.value as object);
    log.rest();
    await collect();
    assert.equal(view.deref(), undefined);
    assert.equal(JSON.stringify(log.value), '{"list":[{"n":1}]}');
  });

  test("records a change through a view that user code has kept", async () => {
    const s = stored({ list: [{ n: 1 }] });
    const [item] = (s.log.value as { list: { n: number }[] }).list;
    assert.ok(item);
    s.log.rest();
    await collect();
    item.n = 2;
    assert.equal(s.changes(), 1);
    assert.deepEqual(s.replay(), { list: [{ n: 2 }] });
    s.log.rest();
    await collect();
    const again = (s.log.value as { list: { n: number }[] }).list[0];
    assert.equal(again, item, "returns the same view for the same object");
  });

  test("records a change after garbage collection, with the complete state before it", async () => {
    const s = stored({ n: 0 });
    for (let n = 1; n <= 3; n++) {
      (s.log.value as { n: number }).n = n;
      assert.deepEqual(s.replay(), { n });
      s.log.rest();
      await collect();
    }
    s.log.value = { n: 9 };
    assert.equal(s.log.take()?.type, "snapshot");
    s.log.rest();
    await collect();
    assert.deepEqual({ ...(s.log.value as object) }, { n: 9 });
  });

  test("does not rest while changes are pending, and loses none", async () => {
    const s = stored({ n: 0, when: new Date(0) });
    (s.log.value as { n: number }).n = 1;
    s.log.rest();
    await collect();
    assert.deepEqual(s.replay(), { n: 1, when: new Date(0) });
    const { when } = s.log.value as { when: Date };
    s.log.rest();
    when.setTime(5);
    assert.deepEqual(s.replay(), { n: 1, when: new Date(5) });
    s.log.savepoint();
    (s.log.value as { n: number }).n = 7;
    s.log.rest();
    await collect();
    s.log.rollback();
    assert.deepEqual({ ...(s.log.value as object) }, { n: 1, when: new Date(5) });
  });

  test("detects a change of a date that a kept view handed out during the rest", async () => {
    const s = stored({ inner: { when: new Date(0) } });
    const { inner } = s.log.value as { inner: { when: Date } };
    s.log.rest();
    await collect();
    inner.when.setTime(5);
    assert.deepEqual(s.replay(), { inner: { when: new Date(5) } });
  });

  test("recognizes a date that was removed before the rest", async () => {
    const s = stored({ when: new Date(0) } as { when?: Date });
    const state = s.log.value as { when?: Date };
    const { when } = state;
    delete state.when;
    assert.deepEqual(s.replay(), {});
    s.log.rest();
    await collect();
    const now = s.log.value as { when?: Date };
    assert.ok(when);
    now.when = when;
    assert.equal(now.when, when, "a restored item is the same object");
    when.setTime(3);
    assert.deepEqual(s.replay(), { when: new Date(3) });
  });

  test("rejects a change through a kept view when changes are refused", async () => {
    const { log } = stored({ list: [1] });
    const { list } = log.value as { list: number[] };
    log.rest();
    log.refuseChanges(() => new HoldfastError("actor", "stopped", "over"));
    await collect();
    assert.throws(
      () => list.push(2),
      (error) => isErrorCode(error, "actor", "stopped"),
    );
    assert.deepEqual(log.unwrap(list), [1]);
  });
});
