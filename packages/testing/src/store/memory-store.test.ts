import assert from "node:assert/strict";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { actorStoreConformance } from "../conformance/actor-store.ts";
import { create, newActor } from "../conformance/batches.ts";

actorStoreConformance("memory", async (ports) => {
  const store = createMemoryStore({ ports });
  return { store, dispose: () => store.close() };
});

test("an actor of a memory store wakes with a very large number of call records", async () => {
  const store = createMemoryStore({ ports: systemPorts() });
  const actor = newActor();
  const expiresAt = Date.now() + 3_600_000;
  const calls = Array.from(
    { length: 200_000 },
    (_, n) => ({ key: `${n}`, status: "done", expiresAt }) as const,
  );
  await store.commit(create(actor, { calls }));
  assert.equal((await store.acquire(actor.id)).callsUntil, expiresAt);
  await store.close();
});
