import assert from "node:assert/strict";
import { test } from "node:test";
import { reduceOwnedView, unownedView, type ViewAction, visibleState } from "./optimistic.ts";

test("a view ignores other actors, and a late action of the previous actor does not reset it", () => {
  let owned = unownedView<number>();
  const tell = (owner: string, isShown: boolean, action: ViewAction<number>): void => {
    owned = reduceOwnedView(owned, { owner, isShown, action });
  };
  const seen = () => [owned.owner, visibleState(owned.view), owned.view.changes.length];
  tell("a", true, { type: "loaded", state: 1 });
  tell("a", true, { type: "change", number: 1, apply: (count) => count + 10 });
  assert.deepEqual(seen(), ["a", 11, 1]);
  tell("b", false, { type: "loaded", state: 5 });
  assert.deepEqual(seen(), ["a", 11, 1]);
  // The first actor may be shown again before the other one has loaded.
  tell("a", false, { type: "confirmed", number: 1 });
  assert.deepEqual(seen(), ["a", 1, 0]);
  tell("b", true, { type: "loaded", state: 5 });
  assert.deepEqual(seen(), ["b", 5, 0]);
  const before = owned;
  tell("a", false, { type: "loaded", state: 2 });
  assert.equal(owned, before);
});
