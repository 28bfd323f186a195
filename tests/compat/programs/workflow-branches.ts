/** Joins, races and loops of a workflow. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { Loop, workflow } from "rivetkit/workflow";

const aborted: string[] = [];

const flow = actor({
  state: { results: {} as Record<string, unknown>, finished: false },
  run: workflow(async (ctx) => {
    const joined = await ctx.join("fetch", {
      a: { run: async (b) => await b.step("a", async () => "A") },
      b: {
        run: async (b) => {
          await b.sleep("wait", 5);
          return await b.step("b", async () => 2);
        },
      },
      c: { run: async () => null },
    });
    const race = await ctx.race("first", [
      {
        name: "slow",
        run: async (b) =>
          await b.step("slow", async () => {
            await new Promise<void>((resolve, reject) => {
              const timer = setTimeout(resolve, 3_000);
              b.abortSignal.addEventListener("abort", () => {
                clearTimeout(timer);
                aborted.push("slow");
                reject(new Error("aborted"));
              });
            });
            return "slow";
          }),
      },
      { name: "fast", run: async (b) => await b.step("fast", async () => "fast!") },
    ]);
    const timed = await ctx.race("timeout", [
      {
        name: "message",
        run: async (b) => {
          await b.sleep("long", 100_000);
          return "never";
        },
      },
      {
        name: "timer",
        run: async (b) => {
          await b.sleep("short", 5);
          return "timed out";
        },
      },
    ]);
    let joinError: unknown;
    try {
      await ctx.join("failing", {
        ok: { run: async (b) => await b.step("ok", async () => 1) },
        no: {
          run: async (b) =>
            await b.step({
              name: "no",
              maxRetries: 0,
              run: async () => {
                throw new Error("no!");
              },
            }),
        },
      });
    } catch (error) {
      const e = error as Error & { errors?: Record<string, Error> };
      joinError = { name: e.name, keys: Object.keys(e.errors ?? {}) };
    }
    let raceError: unknown;
    try {
      await ctx.race("all fail", [
        {
          name: "p",
          run: async (b) =>
            await b.step({
              name: "p",
              maxRetries: 0,
              run: async () => {
                throw new Error("p!");
              },
            }),
        },
        {
          name: "q",
          run: async () => {
            throw new Error("q!");
          },
        },
      ]);
    } catch (error) {
      const e = error as Error & { errors?: { name: string; error: string }[] };
      raceError = { name: e.name, errors: e.errors?.map((each) => each.name) };
    }
    const counted = await ctx.loop<number, string>({
      name: "count",
      state: 0,
      run: async (loop, n) => {
        const next = await loop.step("add", async () => n + 1);
        if (next === 45) return Loop.break(`counted ${next}`);
        return Loop.continue(next);
      },
    });
    let rounds = 0;
    const stateless = await ctx.loop("stateless", async (loop) => {
      rounds = await loop.step("round", async () => rounds + 1);
      if (rounds === 3) return Loop.break("three");
    });
    await ctx.step("publish", async (step) => {
      step.state.results = { joined, race, timed, joinError, raceError, counted, stateless };
      step.state.finished = true;
    });
  }),
  actions: { view: (c) => ({ results: c.state.results, finished: c.state.finished }) },
});

export const registry = setup({ use: { flow } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.flow.getOrCreate(["f"]);
  let view = await handle.view();
  while (!view.finished) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    view = await handle.view();
  }
  assert.deepEqual(view.results, {
    joined: { a: "A", b: 2, c: null },
    race: { winner: "fast", value: "fast!" },
    timed: { winner: "timer", value: "timed out" },
    joinError: { name: "JoinError", keys: ["no"] },
    raceError: { name: "RaceError", errors: ["p", "q"] },
    counted: "counted 45",
    stateless: "three",
  });
  assert.deepEqual(aborted, ["slow"]);
  await client.dispose();
}
