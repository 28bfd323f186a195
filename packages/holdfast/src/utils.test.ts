import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { combineUrlPath, SinglePromiseQueue } from "./utils.ts";

describe("SinglePromiseQueue", () => {
  test("an operation that throws synchronously does not stop the next ones", async () => {
    const queue = new SinglePromiseQueue();
    const failing = queue.enqueue(() => {
      throw new Error("at once");
    });
    await assert.rejects(failing, /at once/);
    assert.equal(queue.runningDrainLoop, undefined);
    await queue.enqueue(async () => undefined);
  });

  test("of the operations enqueued while one runs, only the newest runs", async () => {
    const queue = new SinglePromiseQueue();
    const ran: string[] = [];
    const add = (name: string) => queue.enqueue(async () => void ran.push(name));
    await Promise.all(["first", "replaced", "last"].map(add));
    assert.deepEqual(ran, ["first", "last"]);
  });
});

describe("combineUrlPath", () => {
  test("a path and its query are appended to those of an endpoint", () => {
    assert.equal(combineUrlPath("http://h/api/", "/a/b?c=1", { d: "2" }), "http://h/api/a/b?c=1&d=2");
  });

  test("a question mark inside the query is kept", () => {
    const url = new URL(combineUrlPath("http://h", "/go?to=http://other/?x=1"));
    assert.equal(url.searchParams.get("to"), "http://other/?x=1");
  });
});
