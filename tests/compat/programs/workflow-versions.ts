/** Changed code of a workflow that runs: getVersion, removed, and what diverges. */
import assert from "node:assert/strict";
import { actor, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { workflow } from "rivetkit/workflow";

let release = 1;
const heard: string[] = [];
const asleep = new Set<string>();

const flow = actor({
  state: { log: [] as string[], done: false },
  queues: { go: queue<string>() },
  onSleep: (c) => void asleep.add(c.name),
  run: workflow(
    async (ctx) => {
      if (release === 1) await ctx.step("old", async (step) => void step.state.log.push("old"));
      else await ctx.removed("old", "step");
      const version = release === 1 ? 0 : await ctx.getVersion("v", 2);
      await ctx.step("middle", async (step) => void step.state.log.push("middle"));
      await ctx.queue.next("go", { names: ["go"] });
      const after = release === 1 ? 0 : await ctx.getVersion("after", 3);
      await ctx.step("end", async (step) => {
        step.state.log.push(`version ${version} ${after}`);
        step.state.done = true;
      });
    },
    {
      onError: (_c, event) =>
        void heard.push("workflow" in event ? event.workflow.error.name : (Object.keys(event)[0] ?? "")),
    },
  ),
  actions: { view: (c) => ({ log: [...c.state.log], done: c.state.done }), nap: (c) => c.sleep() },
});

const strict = actor({
  state: { ran: 0 },
  queues: { go: queue<string>() },
  onSleep: (c) => void asleep.add(c.name),
  run: workflow(
    async (ctx) => {
      if (release === 1)
        await ctx.step("a", async (step) => {
          step.state.ran += 1;
        });
      else await ctx.sleep("a", 1);
      await ctx.queue.next("go", { names: ["go"] });
    },
    {
      onError: (_c, event) =>
        void heard.push("workflow" in event ? event.workflow.error.name : (Object.keys(event)[0] ?? "")),
    },
  ),
  actions: { ran: (c) => c.state.ran, nap: (c) => c.sleep() },
});

export const registry = setup({ use: { flow, strict } });

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const running = client.flow.getOrCreate(["running"]);
  const strictly = client.strict.getOrCreate(["s"]);
  await until(async () => (await running.view()).log.length === 2);
  await until(async () => (await strictly.ran()) === 1);
  await running.nap();
  await strictly.nap();
  await until(() => asleep.size === 2);
  release = 2;
  await until(async () => !(await running.view()).done);
  await running.send("go", "go");
  await until(async () => (await running.view()).done);
  assert.deepEqual((await running.view()).log, ["old", "middle", "version 1 3"]);
  const fresh = client.flow.getOrCreate(["fresh"]);
  await fresh.send("go", "go");
  await until(async () => (await fresh.view()).done);
  assert.deepEqual((await fresh.view()).log, ["middle", "version 2 3"]);
  assert.equal(await strictly.ran(), 1);
  await until(() => heard.includes("HistoryDivergedError"));
  await client.dispose();
}
