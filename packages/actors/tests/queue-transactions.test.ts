import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, queue } from "@holdfast/actors";
import { call, deferred, turn, world } from "./harness.ts";
import { send } from "./queue-support.ts";

test("an action that waits for a completion does not block transactions of the consumer", async () => {
  const { create } = world();
  const counter = actor({
    state: { order: [] as string[] },
    queues: { add: queue<string, number>() },
    async run(c) {
      for await (const message of c.queue.iter({ completable: true })) {
        await c.transaction(() => c.state.order.push(message.body));
        await message.complete(c.state.order.length);
      }
    },
    actions: {
      async add(c, what: string): Promise<unknown> {
        const length = await c.queue.enqueueAndWait("add", what);
        c.state.order.push("told");
        return [length, c.state.order];
      },
    },
  });
  const instance = create(counter);
  await instance.ready;
  assert.deepEqual(await call(instance, "add", "message"), [1, ["message", "told"]]);
});

test("an action that waits for a message does not block the transaction that sends it, and continues after it", async () => {
  const { create } = world();
  const box = actor({
    state: { order: [] as string[] },
    queues: { jobs: queue<string>() },
    actions: {
      async take(c): Promise<unknown> {
        const message = await c.queue.next();
        c.state.order.push("taken");
        return message?.body;
      },
      give: (c, body: string) =>
        c.transaction(async () => {
          await c.queue.send("jobs", body);
          c.state.order.push("given");
        }),
      order: (c) => c.state.order,
    },
  });
  const instance = create(box);
  await instance.ready;
  const taken = call(instance, "take");
  await call(instance, "give", "job");
  assert.equal(await taken, "job");
  assert.deepEqual(await call(instance, "order"), ["given", "taken"]);
});

test("paused work continues immediately if a transaction still waits for another action", async () => {
  const { create } = world();
  const told = deferred<void>();
  const box = actor({
    state: { order: [] as string[] },
    queues: { jobs: queue<string>() },
    actions: {
      async take(c): Promise<void> {
        await c.queue.next();
        c.state.order.push("taken");
        told.resolve();
      },
      async hear(c): Promise<void> {
        await told.promise;
        c.state.order.push("heard");
      },
      change: (c) => c.transaction(() => c.state.order.push("changed")),
      order: (c) => c.state.order,
    },
  });
  const instance = create(box);
  await instance.ready;
  const calls = [call(instance, "take"), call(instance, "hear"), call(instance, "change")];
  for (let round = 0; round < 10; round++) await turn();
  await send(instance, "jobs", "job");
  await Promise.all(calls);
  assert.deepEqual(await call(instance, "order"), ["taken", "heard", "changed"]);
});
