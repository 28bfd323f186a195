/** Standard Schemas for events, queues and connection parameters. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { z } from "zod";

const sensor = actor({
  state: { last: 0 },
  connParamsSchema: z.object({ token: z.string() }).optional(),
  events: { reading: z.object({ value: z.number() }) },
  queues: { readings: { message: z.object({ value: z.number().min(0) }) } },
  actions: {
    report: (c, value: number) => {
      c.state.last = value;
      c.broadcast("reading", { value });
    },
    drain: async (c) => {
      const batch = await c.queue.tryNextBatch({ names: ["readings"], count: 10 });
      return batch.map((message) => message.body.value);
    },
  },
});

export const registry = setup({ use: { sensor } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.sensor.getOrCreate(["s"], { params: { token: "t" } });
  const conn = handle.connect({ token: "t" });
  const heard = new Promise<{ value: number }>((resolve) => conn.on("reading", resolve));
  await conn.ready;
  await conn.drain();
  await handle.report(4);
  assert.deepEqual(await heard, { value: 4 });
  await handle.send("readings", { value: 3 });
  await assert.rejects(handle.send("readings", { value: -1 }));
  assert.deepEqual(await handle.drain(), [3]);
  await assert.rejects(client.sensor.get(["s"], { params: { token: 5 } }).report(1));
  await conn.dispose();
  await client.dispose();
}
