import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { containListenerErrors } from "./user-signal.ts";

function made(): { controller: AbortController; signal: AbortSignal; reported: unknown[] } {
  const controller = new AbortController();
  const reported: unknown[] = [];
  const signal = containListenerErrors(controller.signal, (error) => reported.push((error as Error).message));
  return { controller, signal, reported };
}

test("errors of a listener are reported, and the other listeners are called", async () => {
  const { controller, signal, reported } = made();
  const called: string[] = [];
  const fails = (name: string) => (): never => {
    called.push(name);
    throw new Error(name);
  };
  signal.addEventListener("abort", fails("function"));
  signal.addEventListener("abort", { handleEvent: fails("object") });
  signal.addEventListener("abort", async () => fails("promise")(), { once: true });
  signal.onabort = fails("handler");
  signal.addEventListener("abort", () => called.push("last"));
  controller.abort();
  await delay(0);
  assert.deepEqual(called, ["function", "object", "promise", "handler", "last"]);
  assert.deepEqual(reported.sort(), ["function", "handler", "object", "promise"]);
});

test("listeners are added once, removed, and called with the signal, as on a plain signal", () => {
  const { controller, signal } = made();
  const called: unknown[] = [];
  function listener(this: unknown, event: Event): void {
    called.push([this === signal, event.type, event.target === signal]);
  }
  const removed = (): void => assert.fail("it was removed");
  signal.addEventListener("abort", listener);
  signal.addEventListener("abort", listener);
  signal.addEventListener("abort", removed);
  signal.removeEventListener("abort", removed);
  signal.onabort = removed;
  assert.equal(signal.onabort, removed);
  signal.onabort = null;
  assert.equal(signal.onabort, null);
  controller.abort();
  assert.deepEqual(called, [[true, "abort", true]]);
  assert.throws(() => signal.addEventListener("abort", 5 as never), TypeError);
});

test("it is accepted wherever the platform takes a signal", async () => {
  const { controller, signal } = made();
  assert.ok(signal instanceof AbortSignal);
  assert.equal(signal, controller.signal);
  const derived = AbortSignal.any([signal]);
  const waits = [delay(60_000, undefined, { signal }), once(new EventTarget(), "never", { signal })];
  const seen = Promise.allSettled([...waits, fetch("data:,x", { signal }).then(() => "fetched")]);
  const told = once(signal, "abort");
  controller.abort(new Error("enough"));
  await told;
  assert.deepEqual([signal.aborted, derived.aborted], [true, true]);
  assert.equal((derived.reason as Error).message, "enough");
  for (const { status } of (await seen).slice(0, 2)) assert.equal(status, "rejected");
});
