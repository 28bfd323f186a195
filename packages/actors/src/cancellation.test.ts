import assert from "node:assert/strict";
import { test } from "node:test";
import { Cancellation } from "./cancellation.ts";

test("listeners are called once, in order, with the first reason", () => {
  const cancellation = new Cancellation();
  const heard: unknown[] = [];
  const removed = (): void => void heard.push("removed");
  const alsoRemoved = (): void => void heard.push("also removed");
  cancellation.addEventListener("abort", removed);
  cancellation.addEventListener("abort", () => heard.push(["first", cancellation.reason]));
  cancellation.addEventListener("abort", alsoRemoved);
  cancellation.addEventListener("abort", () => heard.push(["second", cancellation.aborted]));
  cancellation.removeEventListener("abort", removed);
  cancellation.removeEventListener("abort", alsoRemoved);
  cancellation.throwIfAborted();
  cancellation.abort("one");
  cancellation.abort("two");
  assert.deepEqual(heard, [
    ["first", "one"],
    ["second", true],
  ]);
  assert.throws(
    () => cancellation.throwIfAborted(),
    (error) => error === "one",
  );
  assert.equal(cancellation.reason, "one");
});

test("a listener may remove one that has not been called yet", () => {
  const cancellation = new Cancellation();
  let calls = 0;
  const second = (): void => void calls++;
  cancellation.addEventListener("abort", () => cancellation.removeEventListener("abort", second));
  cancellation.addEventListener("abort", second);
  cancellation.abort(undefined);
  assert.equal(calls, 0);
});
