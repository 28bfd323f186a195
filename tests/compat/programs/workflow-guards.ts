/** Operations that fail outside of steps, and after the end of a workflow. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { workflow } from "rivetkit/workflow";

const events: string[] = [];
let kept: { state: { n: number } } | undefined;

const flow = actor({
  state: { n: 0, late: "" },
  options: { sleepTimeout: 60 },
  onSleep: () => void events.push("sleep"),
  onWake: () => void events.push("wake"),
  run: workflow(async (ctx) => {
    events.push("run");
    await ctx.step("one", async (step) => {
      kept = step;
      step.state.n += 1;
    });
    await ctx.step("late", async (step) => {
      try {
        if (kept) kept.state.n += 1;
        step.state.late = "allowed";
      } catch (error) {
        step.state.late = (error as Error).message === "" ? "no message" : "refused";
      }
    });
  }),
  actions: { view: (c) => ({ n: c.state.n, late: c.state.late }) },
});

const twice = actor({
  state: { n: 0 },
  run: workflow(
    async (ctx) => {
      await ctx.step("same", async (step) => {
        step.state.n += 1;
      });
      await ctx.step("same", async (step) => {
        step.state.n += 1;
      });
    },
    { onError: (_c, event) => void ("workflow" in event && events.push(event.workflow.error.name)) },
  ),
  actions: { n: (c) => c.state.n },
});

const careless = actor({
  state: { n: 0 },
  run: workflow(
    async (ctx) => {
      void ctx.step("a", async () => 1).catch(() => {});
      await ctx.step("b", async () => 2);
    },
    { onError: (_c, event) => void ("workflow" in event && events.push(event.workflow.error.name)) },
  ),
  actions: { n: (c) => c.state.n },
});

export const registry = setup({ use: { flow, twice, careless } });

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.flow.getOrCreate(["f"]);
  await until(async () => (await handle.view()).late !== "");
  assert.deepEqual(await handle.view(), { n: 1, late: "refused" });
  await until(() => events.includes("sleep"));
  assert.deepEqual(await handle.view(), { n: 1, late: "refused" });
  await client.twice.getOrCreate(["t"]).n();
  await until(() => events.length > 3);
  await client.careless.getOrCreate(["c"]).n();
  await until(() => events.includes("EntryInProgressError"));
  await until(async () => (await client.twice.getOrCreate(["t"]).n()) === 1);
  await client.dispose();
}
