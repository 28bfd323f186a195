import assert from "node:assert/strict";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { code, create, newActor, next } from "../conformance/batches.ts";
import { faultyStore } from "./faulty-store.ts";

test("a planned fault fails its call, before or after the call is applied", async () => {
  const store = faultyStore(createMemoryStore({ ports: systemPorts() }), [
    { operation: "commit", nth: 2, when: "before" },
    { operation: "commit", nth: 3, when: "after" },
  ]);
  const actor = newActor();
  await store.commit(create(actor));
  await assert.rejects(store.commit(next(actor.id, 2, 1)), code("store", "unavailable"));
  assert.equal((await store.get(actor.id))?.version, 1);
  await assert.rejects(store.commit(next(actor.id, 2, 1)), code("store", "indeterminate"));
  assert.equal((await store.get(actor.id))?.version, 2);
  assert.equal(store.calls("commit"), 3);

  store.plan({ operation: "get", nth: 3, when: "before", error: new Error("planned") });
  await assert.rejects(store.get(actor.id), /planned/);
  assert.equal((await store.get(actor.id))?.version, 2);
  await store.close();
});
