import assert from "node:assert/strict";
import { test } from "node:test";
import { isFinal, LiveFeed } from "./live.ts";

test("a refusal and the end of the actor are final, a server shutdown is not", () => {
  assert.equal(isFinal(1008, "inspector.unauthorized"), true);
  assert.equal(isFinal(1008, "actor.not_found"), true);
  assert.equal(isFinal(1000, "actor.destroyed"), true);
  assert.equal(isFinal(1008, "gateway.shutting_down"), false);
  assert.equal(isFinal(1001, "gateway.shutting_down"), false);
  assert.equal(isFinal(1006, ""), false);
  assert.equal(isFinal(1013, "conn.too_slow"), false);
});

/** A WebSocket of the page whose server is the test. */
class TestSocket extends EventTarget {
  static last: TestSocket | undefined;

  constructor() {
    super();
    TestSocket.last = this;
  }

  close(): void {}

  say(frame: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }
}

test("thousands of events are rendered together, and the newest are kept", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const [name, value] of Object.entries({ WebSocket: TestSocket, location: new URL("http://a.test") })) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => {
      if (before === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, before);
    });
  }
  const feed = new LiveFeed({ name: "counter", id: "a" }, () => {});
  let told = 0;
  feed.subscribe(() => {
    told += 1;
  });
  const end = feed.start();
  for (let count = 1; count <= 2_000; count += 1) {
    TestSocket.last?.say({ type: "event", name: "changed", args: [count] });
  }
  assert.equal(told, 0);
  t.mock.timers.tick(100);
  assert.equal(told, 1);
  const { events } = feed.snapshot();
  assert.deepEqual([events.length, events.at(-1)?.args], [500, [2_000]]);
  // The status is reported immediately.
  TestSocket.last?.say({ type: "status", status: "sleeping" });
  assert.deepEqual([told, feed.snapshot().status], [2, "sleeping"]);
  TestSocket.last?.say({ type: "log", records: [] });
  end();
  t.mock.timers.tick(1_000);
  assert.equal(told, 2);
});
