import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { actor, queue } from "@holdfast/actors";
import { createLogger, isErrorCode, systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { createRegistry, type Registry } from "../src/index.ts";
import { Condition } from "./support.ts";

// What nobody awaits is an unhandled rejection where nothing hears of it, and fails the test.
test("what an actor sends and does not await ends no process when the actor stops, or when it is refused", async (t) => {
  const reachable = Promise.withResolvers<void>();
  const target = actor({
    createVars: () => reachable.promise,
    queues: { jobs: queue<string>() },
    actions: { take: async (c) => (await c.queue.next({ names: ["jobs"] }))?.body },
  });
  type Target = Registry<{ readonly target: typeof target }>;
  const sender = actor({
    queues: { own: queue<string>() },
    options: { sleepGracePeriod: 20 },
    actions: {
      fire: (c) => {
        const handle = c.client<Target>().target.getOrCreate("t");
        void handle.send("jobs", "kept");
        void c.queue.enqueueAndWait("own", "waits");
        void c.queue.send("nobody" as "own", "x");
        void handle.send("jobs", "x", { signal: AbortSignal.abort(new Error("given up")) });
        c.sleep();
      },
      tells: async (c) => {
        const failed = c
          .client<Target>()
          .target.getOrCreate("t")
          .send("nobody" as "jobs", "x");
        return failed.then(
          () => "sent",
          (error: unknown) => isErrorCode(error, "queue", "not_defined"),
        );
      },
    },
  });
  const told = new Condition();
  const lines: { readonly message: string; readonly text: string }[] = [];
  const log = createLogger("debug", (record) => {
    lines.push({ message: record.message, text: inspect(record, { depth: 6 }) });
    told.changed();
  });
  const ports = { ...systemPorts(), log };
  const store = createMemoryStore({ ports });
  const registry = createRegistry({ use: { target, sender }, ports, store: () => store });
  t.after(() => registry.shutdown());
  await registry.client.sender.getOrCreate("s").fire();
  await told.until(() =>
    lines.some(({ message, text }) => /left memory/.test(message) && /sender/.test(text)),
  );
  reachable.resolve();
  assert.equal(await registry.client.target.getOrCreate("t").take(), "kept");
  assert.equal(await registry.client.sender.getOrCreate("s").tells(), true);
  await told.until(() => lines.some(({ text }) => text.includes("given up")));
  await told.until(() => lines.some(({ text }) => text.includes("not_defined")));
  assert.ok(!lines.some(({ text }) => text.includes("delivery_pending")));
});
