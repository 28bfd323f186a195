/** Workflow definitions of the benchmarks. */
import { durable, Loop } from "@holdfast/actors/workflow";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";

/** Number of steps that counting workflows have run in this process. */
export const ran = { steps: 0 };

const counting = durable(async (ctx, steps: number) =>
  ctx.loop({
    name: "count",
    state: 0,
    run: async (loop, n) => {
      await loop.step("step", () => {
        ran.steps++;
        return n;
      });
      return n + 1 === steps ? Loop.break(n + 1) : Loop.continue(n + 1);
    },
  }),
);

/** Runs twenty steps, waits for a signal, and runs one more step. */
const waiting = durable(async (ctx) => {
  let waits = false;
  ctx.query("waits", () => waits);
  for (let n = 0; n < 20; n++) await ctx.step(`step ${n}`, () => n);
  waits = true;
  await ctx.signal("go");
  return await ctx.step("end", () => "done");
});

export function openWorkflows(path: string) {
  const ports = systemPorts();
  return createRegistry({ use: { counting, waiting }, store: () => openSqliteStore({ path, ports }), ports });
}
