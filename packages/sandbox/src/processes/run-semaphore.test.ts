import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { RunSemaphore } from "./run-semaphore.ts";

test("places are taken in order; the line has an end, and can be left", async () => {
  const slots = new RunSemaphore(2, 2);
  const began: string[] = [];
  const use = (name: string, signal = new AbortController().signal) => {
    const [begin, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const done = slots.use(signal, async () => {
      began.push(name);
      begin.resolve();
      await end.promise;
    });
    done.catch(() => {});
    return { done, begun: begin.promise, end: end.resolve };
  };
  const leaving = new AbortController();
  const [a, b, c, d] = [use("a"), use("b"), use("c", leaving.signal), use("d")];
  await assert.rejects(use("e").done, (error) => isErrorCode(error, "sandbox", "conflict"));
  leaving.abort(new Error("gone"));
  await assert.rejects(c.done, /gone/);
  const f = use("f");
  assert.deepEqual(began, ["a", "b"]);
  b.end();
  await b.done;
  leaving.abort();
  d.end();
  await Promise.all([d.done, f.begun]);
  assert.deepEqual(began, ["a", "b", "d", "f"]);
  f.end();
  a.end();
  await Promise.all([a.done, f.done]);
  await assert.rejects(
    slots.use(new AbortController().signal, () => Promise.reject(new Error("failed"))),
    /failed/,
  );
  const [last, later] = [use("g"), use("h")];
  await Promise.all([last.begun, later.begun]);
  assert.deepEqual(began.slice(4), ["g", "h"], "what failed gave its place back");
  last.end();
  later.end();
  await Promise.all([last.done, later.done]);
});
