/** Errors of queues. */
import assert from "node:assert/strict";
import { actor, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { z } from "zod";

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    const { group, code } = error as { group: string; code: string };
    return `${group}.${code}`;
  }
}

const box = actor({
  state: {},
  options: { maxQueueSize: 3, maxQueueMessageSize: 512 },
  queues: {
    jobs: queue<string>(),
    typed: z.object({ n: z.number() }),
    asks: { message: z.string(), complete: z.object({ ok: z.boolean() }) },
    guarded: queue<string>({ canPublish: (c) => c.conn?.params?.role === "writer" }),
  },
  actions: {
    full: async (c) => {
      for (let n = 0; n < 3; n++) await c.queue.send("jobs", String(n));
      const code = await codeOf(c.queue.send("jobs", "4"));
      await c.queue.tryNextBatch({ count: 10 });
      return code;
    },
    large: (c) => codeOf(c.queue.send("jobs", "x".repeat(600))),
    outstanding: async (c) => {
      await c.queue.send("jobs", "1");
      await c.queue.send("jobs", "2");
      const message = await c.queue.next({ names: ["jobs"], completable: true });
      if (!message) throw new Error("nothing");
      const codes = [await codeOf(c.queue.next({ names: ["jobs"] })), await codeOf(c.queue.tryNext())];
      await message.complete();
      codes.push(await codeOf(message.complete()));
      const second = await c.queue.next({ names: ["jobs"], completable: true });
      await second?.complete();
      return codes;
    },
    invalid: (c) => codeOf(c.queue.send("typed", { n: "no" } as never)),
    completes: async (c) => {
      await c.queue.send("asks", "question");
      const message = await c.queue.next({ names: ["asks"], completable: true });
      if (!message) throw new Error("nothing");
      const bad = await codeOf(message.complete({ ok: "yes" } as never));
      await message.complete({ ok: true });
      return bad !== "none";
    },
  },
});

export const registry = setup({ use: { box } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.box.getOrCreate(["b"]);
  assert.equal(await handle.full(), "queue.full");
  assert.equal(await handle.large(), "queue.message_too_large");
  assert.deepEqual(await handle.outstanding(), [
    "queue.previous_message_not_completed",
    "queue.previous_message_not_completed",
    "queue.already_completed",
  ]);
  assert.notEqual(await handle.invalid(), "none");
  assert.equal(await handle.completes(), true);
  assert.equal(await codeOf(handle.send("guarded", "x")), "auth.forbidden");
  const writer = client.box.getOrCreate(["b"], { params: { role: "writer" } });
  assert.equal(await codeOf(writer.send("guarded", "x")), "none");
  await client.dispose();
}
