/** Failures of a workflow as values. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { workflow } from "rivetkit/workflow";

const flow = actor({
  state: { results: [] as unknown[], finished: false },
  run: workflow(async (ctx) => {
    const results: unknown[] = [];
    results.push(await ctx.tryStep("fine", async () => 5));
    const exhausted = await ctx.tryStep({
      name: "exhausted",
      maxRetries: 1,
      retryBackoffBase: 1,
      run: async () => {
        throw new TypeError("no luck");
      },
    });
    results.push(plain(exhausted));
    const slow = await ctx.tryStep({
      name: "slow",
      timeout: 10,
      run: () => new Promise<number>((resolve) => setTimeout(resolve, 200, 1)),
    });
    results.push(plain(slow));
    const block = await ctx.try("block", async (inner) => {
      const one = await inner.step("one", async () => 1);
      return one + 1;
    });
    results.push(block);
    const failing = await ctx.try({
      name: "failing",
      run: async (inner) => {
        await inner.step({
          name: "dies",
          maxRetries: 0,
          run: async () => {
            throw new Error("died");
          },
        });
      },
    });
    results.push(plain(failing));
    const joined = await ctx.try("joined", async (inner) => {
      await inner.join("both", {
        good: { run: async (branch) => await branch.step("g", async () => 1) },
        bad: {
          run: async (branch) =>
            await branch.step({
              name: "b",
              maxRetries: 0,
              run: async () => {
                throw new Error("bad branch");
              },
            }),
        },
      });
    });
    results.push(plain(joined));
    const raced = await ctx.try("raced", async (inner) => {
      await inner.race("none", [
        {
          name: "x",
          run: async (branch) =>
            await branch.step({
              name: "x step",
              maxRetries: 0,
              run: async () => {
                throw new Error("x failed");
              },
            }),
        },
      ]);
    });
    results.push(plain(raced));
    await ctx.step("publish", async (step) => {
      step.state.results = results as never;
      step.state.finished = true;
    });
  }),
  actions: { view: (c) => ({ results: c.state.results, finished: c.state.finished }) },
});

function plain(result: unknown): unknown {
  return JSON.parse(
    JSON.stringify(result, (key, value) => (key === "stack" || key === "metadata" ? undefined : value)),
  );
}

export const registry = setup({ use: { flow } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.flow.getOrCreate(["f"]);
  let view = await handle.view();
  while (!view.finished) view = await handle.view();
  const died = { name: "Error", message: "died" };
  const noLuck = { name: "TypeError", message: "no luck" };
  const [fine, exhausted, slow, block, failing, joined, raced] = view.results as {
    ok: boolean;
    value?: unknown;
    failure?: Record<string, unknown> & { error: { name: string; message: string } };
  }[];
  assert.deepEqual(fine, { ok: true, value: 5 });
  assert.deepEqual(exhausted?.failure, {
    kind: "exhausted",
    stepName: "exhausted",
    attempts: 2,
    error: noLuck,
  });
  assert.equal(slow?.ok, false);
  assert.equal(slow?.failure?.kind, "timeout");
  assert.equal(slow?.failure?.attempts, 1);
  assert.equal(slow?.failure?.error.name, "StepTimeoutError");
  assert.deepEqual(block, { ok: true, value: 2 });
  assert.deepEqual(failing?.failure, {
    source: "step",
    name: "dies",
    error: died,
    step: { kind: "exhausted", stepName: "dies", attempts: 1, error: died },
  });
  assert.equal(joined?.failure?.source, "join");
  assert.equal(joined?.failure?.name, "both");
  assert.equal(joined?.failure?.error.name, "JoinError");
  assert.equal(raced?.failure?.source, "race");
  assert.equal(raced?.failure?.name, "none");
  assert.equal(raced?.failure?.error.name, "RaceError");
  await client.dispose();
}
