/** Rollback, tryStep, try, join and race in workflows. */
import assert from "node:assert/strict";
import { actor, event, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { workflow } from "rivetkit/workflow";

const trip = actor({
  state: { log: [] as string[] },
  events: { over: event<string[]>() },
  run: workflow(
    async (ctx) => {
      const both = await ctx.join("look up", {
        flight: { run: async (branch) => await branch.step("flight", async () => 300) },
        hotel: { run: async (branch) => await branch.step("hotel", async () => 120) },
      });
      const first = await ctx.race("quickest", [
        {
          name: "slow",
          run: async (branch) => {
            await branch.sleep("wait", 60_000);
            return "slow";
          },
        },
        { name: "fast", run: async (branch) => await branch.step("answer", async () => "fast") },
      ]);
      const failed = await ctx.tryStep({
        name: "insurance",
        maxRetries: 0,
        run: async () => {
          throw new Error("no cover");
        },
      });
      await ctx.step("note", async (c) => {
        c.state.log.push(`${both.flight + both.hotel} ${first.winner} ${failed.ok}`);
      });
      await ctx.rollbackCheckpoint("booking");
      await ctx.step({
        name: "book flight",
        run: async (c) => {
          c.state.log.push("flight");
        },
        rollback: async (c) => {
          c.state.log.push("undo flight");
        },
      });
      await ctx.step({
        name: "book hotel",
        run: async (c) => {
          c.state.log.push("hotel");
        },
        rollback: async (c) => {
          c.state.log.push("undo hotel");
          c.broadcast("over", [...c.state.log]);
        },
      });
      await ctx.step({
        name: "pay",
        maxRetries: 0,
        run: async () => {
          throw new Error("card declined");
        },
      });
    },
    {
      onError: (c) => {
        c.log.debug("the trip failed");
      },
    },
  ),
  actions: { log: (c) => c.state.log },
});

export const registry = setup({ use: { trip } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const conn = client.trip.getOrCreate(["t"]).connect();
  await conn.ready;
  const until = Date.now() + 60_000;
  let log = await conn.log();
  while (!log.includes("undo flight") && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    log = await conn.log();
  }
  assert.deepEqual(log, ["420 fast false", "flight", "hotel", "undo hotel", "undo flight"]);
  await conn.dispose();
  await client.dispose();
}
