/** Every way to receive from a queue. */
import assert from "node:assert/strict";
import { actor, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const inbox = actor({
  state: { seen: [] as string[] },
  queues: { a: queue<string>(), b: queue<number>(), asks: queue<{ n: number }, { double: number }>() },
  actions: {
    fill: async (c) => {
      await c.queue.send("a", "1");
      await c.queue.send("b", 2);
      const sent = await c.queue.send("a", "3");
      return { id: typeof sent.id, name: sent.name, body: sent.body, createdAt: typeof sent.createdAt };
    },
    order: async (c) => {
      const bodies: unknown[] = [];
      for (let message = await c.queue.tryNext(); message; message = await c.queue.tryNext()) {
        bodies.push(message.body);
      }
      return bodies;
    },
    onlyA: async (c) => (await c.queue.nextBatch({ names: ["a"], count: 10 })).map((m) => m.body),
    onlyB: async (c) => (await c.queue.tryNextBatch({ names: ["b"], count: 10 })).map((m) => m.body),
    oneOfBatch: async (c) => (await c.queue.nextBatch({ names: ["a"] })).length,
    emptyBatch: async (c) => await c.queue.nextBatch({ names: ["a"], timeout: 10, count: 5 }),
    emptyTry: async (c) => [
      (await c.queue.tryNext()) === undefined,
      (await c.queue.tryNext({ completable: true })) === undefined,
      (await c.queue.tryNextBatch({ count: 3 })).length,
    ],
    waitForNames: async (c) => {
      try {
        await c.queue.waitForNames(["a"], { timeout: 10 });
        return "none";
      } catch (error) {
        const { group, code } = error as { group: string; code: string };
        return `${group}.${code}`;
      }
    },
    waitFound: async (c) => {
      await c.queue.send("a", "here");
      return (await c.queue.waitForNames(["a"], { timeout: 30_000 })).body;
    },
    available: async (c) => {
      await c.queue.send("b", 9);
      await c.queue.waitForAvailable(["b"], { timeout: 30_000 });
      return (await c.queue.tryNext({ names: ["b"] }))?.body;
    },
    aborted: async (c) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 10);
      try {
        await c.queue.next({ signal: controller.signal });
        return "none";
      } catch (error) {
        const { group, code } = error as { group: string; code: string };
        return `${group}.${code}`;
      }
    },
    iterated: async (c) => {
      await c.queue.send("a", "x");
      await c.queue.send("a", "y");
      const controller = new AbortController();
      const bodies: unknown[] = [];
      for await (const message of c.queue.iter({ names: ["a"], signal: controller.signal })) {
        bodies.push(message.body);
        if (bodies.length === 2) controller.abort();
      }
      return bodies;
    },
    ask: async (c, n: number) => {
      const [answer] = await Promise.all([
        c.queue.enqueueAndWait("asks", { n }, { timeout: 30_000 }),
        (async () => {
          const message = await c.queue.next({ names: ["asks"], completable: true, timeout: 30_000 });
          if (message) await message.complete({ double: message.body.n * 2 });
        })(),
      ]);
      return answer;
    },
    completedById: async (c) => {
      const [answer] = await Promise.all([
        c.queue.enqueueAndWait("asks", { n: 4 }, { timeout: 30_000 }),
        (async () => {
          const message = await c.queue.next({ names: ["asks"], completable: true, timeout: 30_000 });
          if (message) await c.queue.complete({ id: message.id, name: message.name }, { double: 8 });
        })(),
      ]);
      return answer;
    },
    askInVain: async (c) => {
      try {
        await c.queue.enqueueAndWait("asks", { n: 0 }, { timeout: 10 });
        return "none";
      } catch (error) {
        const { group, code } = error as { group: string; code: string };
        return `${group}.${code}`;
      }
    },
  },
});

export const registry = setup({ use: { inbox } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.inbox.getOrCreate(["i"]);
  assert.deepEqual(await handle.fill(), { id: "number", name: "a", body: "3", createdAt: "number" });
  assert.deepEqual(await handle.order(), ["1", 2, "3"]);
  await handle.fill();
  assert.deepEqual(await handle.onlyA(), ["1", "3"]);
  assert.deepEqual(await handle.onlyB(), [2]);
  await handle.fill();
  assert.equal(await handle.oneOfBatch(), 1);
  assert.deepEqual(await handle.order(), [2, "3"]);
  assert.deepEqual(await handle.emptyBatch(), []);
  assert.deepEqual(await handle.emptyTry(), [true, true, 0]);
  assert.deepEqual(await handle.completedById(), { double: 8 });
  assert.equal(await handle.waitForNames(), "queue.timed_out");
  assert.equal(await handle.waitFound(), "here");
  assert.equal(await handle.available(), 9);
  assert.equal(await handle.aborted(), "actor.aborted");
  assert.deepEqual(await handle.iterated(), ["x", "y"]);
  assert.deepEqual(await handle.ask(21), { double: 42 });
  assert.equal(await handle.askInVain(), "queue.timed_out");
  await client.dispose();
}
