import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { silentLogger } from "@holdfast/core";
import { Handover, type HandoverOptions } from "./handover.ts";

const to = { id: "b", incarnation: "1" };
const shards = (count: number): readonly number[] => Array.from({ length: count }, (_, shard) => shard);

function recorded(changes: Partial<HandoverOptions> = {}) {
  const transfers: [scope: string, shards: number][] = [];
  const seen = { reads: 0, kept: 0 };
  const handover = new Handover({
    vacate: async () => undefined,
    transfer: async (_to, scope, moved) => {
      await nextTurn();
      transfers.push([scope, moved.length]);
    },
    read: async () => {
      await nextTurn();
      seen.reads += 1;
    },
    passedOn: () => undefined,
    kept: () => {
      seen.kept += 1;
    },
    log: silentLogger,
    ...changes,
  });
  return { handover, transfers, seen };
}

test("shards without actors in memory share transactions, and all scopes share readings", async () => {
  const { handover, transfers, seen } = recorded();
  for (const scope of ["", "counter", "chat"]) handover.begin(to, scope, shards(512));
  await handover.idle();
  const of = (scope: string): number =>
    transfers.filter(([each]) => each === scope).reduce((sum, [, count]) => sum + count, 0);
  assert.deepEqual([of(""), of("counter"), of("chat")], [512, 512, 512]);
  assert.ok(transfers.length <= 6, `${transfers.length} transactions`);
  assert.ok(seen.reads <= 3, `${seen.reads} readings`);
});

test("at most 64 shards with actors are emptied at a time, and those without do not wait for them", async () => {
  const release: (() => void)[] = [];
  const { handover, transfers } = recorded({
    vacate: (_scope, shard) =>
      shard < 100 ? new Promise((resolve) => release.push(resolve)) : Promise.resolve(),
  });
  handover.begin(to, "", shards(200));
  await nextTurn();
  assert.equal(release.length, 64);
  assert.equal(handover.has("", 63), true);
  assert.equal(handover.has("", 64), false);
  for (const end of release.splice(0)) end();
  await nextTurn();
  assert.equal(release.length, 36);
  while (transfers.reduce((sum, [, count]) => sum + count, 0) < 164) await nextTurn();
  for (const end of release.splice(0)) end();
  await handover.idle();
  assert.equal(handover.has("", 0), false);
});

test("shards whose transfer fails are kept, and others are passed on", async () => {
  const { handover, transfers, seen } = recorded({
    transfer: async (_to, scope, moved) => {
      if (scope === "broken") throw new Error("no answer");
      transfers.push([scope, moved.length]);
    },
  });
  handover.begin(to, "broken", [1]);
  handover.begin(to, "", [1]);
  await handover.idle();
  assert.deepEqual(transfers, [["", 1]]);
  assert.deepEqual(seen, { reads: 1, kept: 1 });
});

test("shards whose transfer cannot be read are kept until it can be", async () => {
  const { handover, seen } = recorded({ read: () => Promise.reject(new Error("no answer")) });
  handover.begin(to, "", [1, 2]);
  assert.equal(handover.has("", 1), true);
  await handover.idle();
  assert.equal(handover.has("", 1), false);
  assert.deepEqual(seen, { reads: 0, kept: 1 });
});
