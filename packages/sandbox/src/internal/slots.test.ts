import assert from "node:assert/strict";
import { test } from "node:test";
import { Slots } from "./slots.ts";

test("runs so many tasks at a time, the others in their order, also after one that fails", async () => {
  const slots = new Slots(2);
  const started: number[] = [];
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const runs = gates.map(({ promise }, index) =>
    slots.run(async () => {
      started.push(index);
      await promise;
      return index;
    }),
  );
  await Promise.resolve();
  assert.deepEqual(started, [0, 1]);
  gates[1]?.reject(new Error("failed"));
  await assert.rejects(runs[1] ?? Promise.resolve());
  assert.deepEqual(started, [0, 1, 2]);
  for (const gate of gates) gate.resolve();
  assert.deepEqual(await Promise.all([runs[0], runs[2], runs[3]]), [0, 2, 3]);
  assert.equal(await slots.run(async () => 4), 4);
});
