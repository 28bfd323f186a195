/** Messages in a workflow. */
import assert from "node:assert/strict";
import { actor, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { Loop, workflow } from "rivetkit/workflow";

const approvals = actor({
  state: { log: [] as string[], waiting: true },
  queues: { decisions: queue<{ approve: boolean }, { seen: true }>(), notes: queue<string>() },
  options: { sleepTimeout: 40 },
  run: workflow(async (ctx) => {
    const none = await ctx.queue.nextBatch("none yet", { names: ["notes"], timeout: 10, count: 5 });
    let timedOut = "no";
    try {
      await ctx.queue.next("one note", { names: ["notes"], timeout: 10 });
    } catch (error) {
      timedOut = `${(error as { group: string }).group}.${(error as { code: string }).code}`;
    }
    await ctx.step("before", async (step) => {
      step.state.log.push(`none ${none.length} ${timedOut}`);
    });
    const decision = await ctx.queue.next("decision", { names: ["decisions"], completable: true });
    await ctx.step("decide", async (step) => {
      step.state.log.push(`approved ${decision.body.approve} ${decision.name} ${typeof decision.createdAt}`);
    });
    await decision.complete({ seen: true });
    await ctx.loop("notes", async (loop) => {
      const [first, ...others] = await loop.queue.nextBatch("notes", { names: ["notes"], count: 2 });
      const stop = await loop.step("log", async (step) => {
        for (const note of [first, ...others]) step.state.log.push(`note ${note?.body}`);
        return [first, ...others].some((note) => note?.body === "stop");
      });
      if (stop) return Loop.break(undefined);
    });
    await ctx.step("send", async (step) => {
      await step.queue.send("notes", "from a step");
    });
    const own = await ctx.queue.next("own", { names: ["notes"] });
    await ctx.step("end", async (step) => {
      step.state.log.push(`own ${own.body}`);
      step.state.waiting = false;
    });
  }),
  actions: { view: (c) => ({ log: [...c.state.log], waiting: c.state.waiting }) },
});

export const registry = setup({ use: { approvals } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.approvals.getOrCreate(["a"]);
  await handle.view();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const answer = await handle.send("decisions", { approve: true }, { wait: true, timeout: 30_000 });
  assert.deepEqual(answer, { status: "completed", response: { seen: true } });
  await handle.send("notes", "one");
  await handle.send("notes", "two");
  await handle.send("notes", "stop");
  let view = await handle.view();
  while (view.waiting) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    view = await handle.view();
  }
  const [none, ...log] = view.log;
  assert.match(none ?? "", /^none 0 /);
  assert.deepEqual(log, [
    "approved true decisions number",
    "note one",
    "note two",
    "note stop",
    "own from a step",
  ]);
  await client.dispose();
}
