/** Rollbacks run backwards when a workflow fails. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { workflow } from "rivetkit/workflow";

const heard: string[] = [];
const trip = actor({
  state: { log: [] as string[] },
  run: workflow(
    async (ctx) => {
      await ctx.rollbackCheckpoint("start");
      for (const name of ["flight", "hotel"]) {
        await ctx.step({
          name,
          run: async (step) => {
            step.state.log.push(`book ${name}`);
            return `${name}-1`;
          },
          rollback: async (step, output) => {
            step.state.log.push(`cancel ${output}`);
          },
        });
      }
      await ctx.join("extras", {
        car: {
          run: async (b) =>
            await b.step({
              name: "car",
              run: async (step) => {
                step.state.log.push("book car");
                return "car-1";
              },
              rollback: async (step, output) => void step.state.log.push(`cancel ${output}`),
            }),
        },
      });
      await ctx.step({
        name: "pay",
        maxRetries: 0,
        run: async (step) => {
          step.state.log.push("pay");
          throw new Error("declined");
        },
        rollback: async (step) => void step.state.log.push("never"),
      });
    },
    { onError: (_c, event) => void heard.push(Object.keys(event)[0] ?? "") },
  ),
  actions: { log: (c) => [...c.state.log] },
});

const careless = actor({
  state: { ran: 0 },
  run: workflow(
    async (ctx) => {
      await ctx.step({
        name: "x",
        run: async (step) => {
          step.state.ran += 1;
        },
        rollback: async () => {},
      });
    },
    { onError: (_c, event) => void ("workflow" in event && heard.push(event.workflow.error.name)) },
  ),
  actions: { ran: (c) => c.state.ran },
});

export const registry = setup({ use: { trip, careless } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.trip.getOrCreate(["t"]);
  let log = await handle.log();
  while (!log.includes("cancel flight-1")) log = await handle.log();
  assert.deepEqual(log, [
    "book flight",
    "book hotel",
    "book car",
    "pay",
    "cancel car-1",
    "cancel hotel-1",
    "cancel flight-1",
  ]);
  assert.equal(await client.careless.getOrCreate(["c"]).ran(), 0);
  while (!heard.includes("RollbackCheckpointError")) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(heard, ["step", "RollbackCheckpointError"]);
  await client.dispose();
}
