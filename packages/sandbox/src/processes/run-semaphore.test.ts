import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { RunSemaphore } from "./run-semaphore.ts";

test("slots are granted in order, the queue is bounded, and a waiter can abort", async () => {
  const slots = new RunSemaphore(2, 2);
  const started: string[] = [];
  const use = (name: string, signal = new AbortController().signal) => {
    const [begin, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const done = slots.use(signal, async () => {
      started.push(name);
      begin.resolve();
      await end.promise;
    });
    done.catch(() => {});
    return { done, started: begin.promise, end: end.resolve };
  };
  const aborting = new AbortController();
  const [a, b, c, d] = [use("a"), use("b"), use("c", aborting.signal), use("d")];
  await assert.rejects(use("e").done, (error) => isErrorCode(error, "sandbox", "conflict"));
  aborting.abort(new Error("gone"));
  await assert.rejects(c.done, /gone/);
  const f = use("f");
  assert.deepEqual(started, ["a", "b"]);
  b.end();
  await b.done;
  aborting.abort();
  d.end();
  await Promise.all([d.done, f.started]);
  assert.deepEqual(started, ["a", "b", "d", "f"]);
  f.end();
  a.end();
  await Promise.all([a.done, f.done]);
  await assert.rejects(
    slots.use(new AbortController().signal, () => Promise.reject(new Error("failed"))),
    /failed/,
  );
  const [g, h] = [use("g"), use("h")];
  await Promise.all([g.started, h.started]);
  assert.deepEqual(started.slice(4), ["g", "h"], "failed work releases its slot");
  g.end();
  h.end();
  await Promise.all([g.done, h.done]);
});
