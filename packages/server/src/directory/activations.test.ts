import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { Activations } from "./activations.ts";

test("at most so many run, and groups take turns", async () => {
  const activations = new Activations(2, 100);
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const run = (group: number, name: string): Promise<void> =>
    activations.run(group, () => {
      order.push(name);
      return new Promise((resolve) => ends.push(resolve));
    });
  const all = [
    ...["a1", "a2", "a3", "a4", "a5"].map((name) => run(1, name)),
    ...["b1", "b2"].map((name) => run(2, name)),
    run(3, "c1"),
  ];
  assert.deepEqual(order, ["a1", "a2"]);
  assert.equal(activations.waiting, 6);
  while (order.length < 8) {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const end of ends) end();
  await Promise.all(all);
  assert.deepEqual(order, ["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5"]);
  assert.equal(activations.waiting, 0);
  await activations.run(1, async () => undefined);
});

test("a failure makes room as well, and too many are refused", async () => {
  const activations = new Activations(1, 1);
  const first = Promise.withResolvers<void>();
  const running = activations.run(1, () => first.promise);
  const waiting = activations.run(1, async () => "ran");
  await assert.rejects(
    activations.run(2, async () => undefined),
    (error) => isErrorCode(error, "server", "busy"),
  );
  first.reject(new Error("no"));
  await assert.rejects(running, /no/);
  assert.equal(await waiting, "ran");
});
