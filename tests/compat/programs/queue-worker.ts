/** A run handler that takes messages from a durable queue. */
import assert from "node:assert/strict";
import { actor, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const worker = actor({
  state: { done: [] as string[] },
  queues: {
    jobs: queue<{ id: string }>(),
    urgent: queue<{ id: string }, { ok: boolean }>(),
  },
  run: async (c) => {
    for await (const message of c.queue.iter({ names: ["jobs", "urgent"], completable: true })) {
      c.state.done.push(`${message.name}:${message.body.id}`);
      if (message.name === "urgent") await message.complete({ ok: true });
      else await message.complete();
    }
  },
  actions: {
    enqueue: async (c, id: string) => {
      await c.queue.send("jobs", { id });
    },
    done: (c) => c.state.done,
  },
});

const inbox = actor({
  state: {},
  queues: { mail: queue<string>() },
  actions: {
    take: async (c) => (await c.queue.next({ names: ["mail"], timeout: 50 }))?.body ?? null,
    takeAll: async (c) => (await c.queue.tryNextBatch({ names: ["mail"], count: 10 })).map((m) => m.body),
  },
});

export const registry = setup({ use: { worker, inbox } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.worker.getOrCreate(["w"]);
  await handle.send("jobs", { id: "1" });
  const result = await handle.send("urgent", { id: "2" }, { wait: true, timeout: 30_000 });
  assert.equal(result.status, "completed");
  assert.deepEqual(result.response, { ok: true });
  await handle.enqueue("3");
  const last = await handle.send("urgent", { id: "4" }, { wait: true, timeout: 30_000 });
  assert.equal(last.status, "completed");
  assert.deepEqual(await handle.done(), ["jobs:1", "urgent:2", "jobs:3", "urgent:4"]);

  const mail = client.inbox.getOrCreate(["i"]);
  assert.equal(await mail.take(), null);
  await mail.send("mail", "a");
  await mail.send("mail", "b");
  await mail.send("mail", "c");
  assert.equal(await mail.take(), "a");
  assert.deepEqual(await mail.takeAll(), ["b", "c"]);
  const timedOut = await mail.send("mail", "d", { wait: true, timeout: 20 });
  assert.equal(timedOut.status, "timedOut");
  await client.dispose();
}
