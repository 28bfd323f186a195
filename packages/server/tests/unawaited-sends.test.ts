import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { actor, queue } from "@holdfast/actors";
import { createLogger, isErrorCode, systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { createRegistry, type Registry } from "../src/index.ts";
import { Condition } from "./support.ts";

// The test runner fails a test on any unhandled rejection.
test("a send that is not awaited ends no process when the actor stops or the send is refused", async (t) => {
  const reachable = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const target = actor({
    createVars: () => {
      arrived.resolve();
      return reachable.promise;
    },
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
      },
      rest: (c) => c.sleep(),
      sendRefused: async (c) => {
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
  const logged = new Condition();
  const lines: { readonly message: string; readonly text: string }[] = [];
  const log = createLogger("debug", (record) => {
    lines.push({ message: record.message, text: inspect(record, { depth: 6 }) });
    logged.changed();
  });
  const ports = { ...systemPorts(), log };
  const store = createMemoryStore({ ports });
  const registry = createRegistry({ use: { target, sender }, ports, store: () => store });
  t.after(() => registry.shutdown());
  await registry.client.sender.getOrCreate("s").fire();
  // The grace period may be too short to reach the target on a busy machine.
  await arrived.promise;
  await registry.client.sender.getOrCreate("s").rest();
  await logged.until(() =>
    lines.some(({ message, text }) => /left memory/.test(message) && /sender/.test(text)),
  );
  reachable.resolve();
  assert.equal(await registry.client.target.getOrCreate("t").take(), "kept");
  assert.equal(await registry.client.sender.getOrCreate("s").sendRefused(), true);
  await logged.until(() => lines.some(({ text }) => text.includes("given up")));
  await logged.until(() => lines.some(({ text }) => text.includes("not_defined")));
  assert.ok(!lines.some(({ text }) => text.includes("delivery_pending")));
});
