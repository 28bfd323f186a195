import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActorInstance } from "@holdfast/actors";
import { type Slot, Slots } from "./slot.ts";

const address = "chat/@lobby";

/** A slot whose load fails when `fail` is called. */
function occupy(slots: Slots): { readonly slot: Slot; readonly fail: () => void } {
  const { promise, reject } = Promise.withResolvers<ActorInstance>();
  const slot = slots.occupy(address, "get", () => promise);
  slot.loading.catch(() => undefined);
  return { slot, fail: () => reject(new Error("not found")) };
}

test("a successor takes the slot before those who have waited for longer", async () => {
  const slots = new Slots();
  const first = occupy(slots);
  const seen = first.slot.gone.then(() => slots.get(address));
  const succeeded = first.slot.succeed(() => occupy(slots).slot);
  assert.ok(succeeded !== undefined);
  assert.equal(
    first.slot.succeed(() => occupy(slots).slot),
    undefined,
  );
  first.fail();
  const next = await succeeded;
  assert.notEqual(next, first.slot);
  assert.equal(await seen, next);
});

test("a slot without a successor is free", async () => {
  const slots = new Slots();
  const { slot, fail } = occupy(slots);
  fail();
  await slot.gone;
  assert.equal(slots.get(address), undefined);
});
