/** Type tests for the callback of `useEvent`, checked by the compiler. The browser tests run the hooks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, event } from "@holdfast/actors";
import type { UseEvent } from "./types.ts";

const plain = actor({ state: { n: 0 }, actions: { add: (c) => c.broadcast("added", ++c.state.n) } });
const typed = actor({
  state: {},
  events: { changed: event<{ n: number }>(), pair: event<[string, number]>() },
  actions: {},
});

function listen(any: UseEvent<typeof plain>, known: UseEvent<typeof typed>): void {
  any("added", (n: number) => n.toFixed());
  any("added", (n) => n.toFixed());
  known("changed", ({ n }) => n.toFixed());
  known("pair", (name, n) => name.at(n));
  // @ts-expect-error The payload is an object.
  known("changed", (n: number) => n);
  // @ts-expect-error No such event.
  known("other", () => {});
}

test("declared events type the callback; without them the callback's own types apply", () => {
  assert.equal(typeof listen, "function");
});
