/** Messages between actors and over a connection. */
import assert from "node:assert/strict";
import { actor, event, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const printer = actor({
  state: { printed: [] as string[] },
  queues: { pages: queue<{ text: string }, { page: number }>() },
  events: { printed: event<number>() },
  run: {
    name: "Printer",
    icon: "print",
    run: async (c) => {
      for await (const message of c.queue.iter({ names: ["pages"], completable: true })) {
        c.state.printed.push(message.body.text);
        c.broadcast("printed", c.state.printed.length);
        await message.complete({ page: c.state.printed.length });
      }
    },
  },
  actions: { printed: (c) => [...c.state.printed] },
});

const editor = actor({
  state: {},
  actions: {
    print: async (c, text: string) => {
      const client = c.client<typeof registry>();
      const result = await client.printer
        .getOrCreate(["p"])
        .send("pages", { text }, { wait: true, timeout: 30_000 });
      return result;
    },
    throwAway: async (c, text: string) => {
      await c.client<typeof registry>().printer.getOrCreate(["p"]).send("pages", { text });
    },
  },
});

export const registry = setup({ use: { printer, editor } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const conn = client.printer.getOrCreate(["p"]).connect();
  const heard: unknown[] = [];
  const third = new Promise<void>((resolve) => {
    conn.on("printed", (n) => {
      heard.push(n);
      if (heard.length === 3) resolve();
    });
  });
  await conn.ready;
  assert.deepEqual(await conn.send("pages", { text: "one" }, { wait: true, timeout: 30_000 }), {
    status: "completed",
    response: { page: 1 },
  });
  const answer = await client.editor.getOrCreate(["e"]).print("two");
  assert.deepEqual(answer, { status: "completed", response: { page: 2 } });
  await client.editor.getOrCreate(["e"]).throwAway("three");
  await third;
  assert.deepEqual(heard, [1, 2, 3]);
  assert.deepEqual(await conn.printed(), ["one", "two", "three"]);
  const controller = new AbortController();
  const waiting = client.editor.getOrCreate(["x"]).print("four");
  controller.abort();
  assert.equal((await waiting).status, "completed");
  await conn.dispose();
  await client.dispose();
}
