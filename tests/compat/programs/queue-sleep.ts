/** A waiting consumer lets its actor sleep; a message wakes it, and uncompleted messages are redelivered. */
import assert from "node:assert/strict";
import { actor, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const starts: string[] = [];
const fails = { left: 1 };

const worker = actor({
  state: { done: [] as string[] },
  queues: { jobs: queue<string, string>() },
  options: { sleepTimeout: 50 },
  onWake: () => void starts.push("wake"),
  onSleep: () => void starts.push("sleep"),
  run: async (c) => {
    while (!c.aborted) {
      const message = await c.queue.next({ names: ["jobs"], completable: true });
      if (!message) continue;
      if (message.body === "flaky" && fails.left-- > 0) {
        c.sleep();
        return;
      }
      c.state.done.push(message.body);
      await message.complete(`did ${message.body}`);
    }
  },
  actions: { done: (c) => c.state.done },
});

export const registry = setup({ use: { worker } });

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.worker.getOrCreate(["w"]);
  assert.deepEqual(await handle.done(), []);
  await until(() => starts.includes("sleep"));
  const first = await handle.send("jobs", "a", { wait: true, timeout: 30_000 });
  assert.deepEqual(first, { status: "completed", response: "did a" });
  assert.equal(starts.filter((each) => each === "wake").length, 2);
  const second = await handle.send("jobs", "flaky", { wait: true, timeout: 30_000 });
  assert.equal(second.status, "completed");
  assert.deepEqual(await handle.done(), ["a", "flaky"]);
  await client.dispose();
}
