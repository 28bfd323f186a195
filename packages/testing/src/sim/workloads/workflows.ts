import { actor, queue } from "@holdfast/actors";
import { Loop, workflow } from "@holdfast/actors/workflow";
import type { Workload, World } from "../world.ts";

interface Observed {
  readonly steps: Record<string, number>;
  readonly amounts: readonly number[];
  readonly finished: boolean;
}

const steps = ["reserve", "left", "right", "charge", "ship"];

/** Orders with steps, waits, branches and messages: each step must take effect once, and all orders must finish. */
export function workflows(world: World): Workload {
  const random = world.random("workflows");
  const order = actor({
    options: { sleepTimeout: 1_000 },
    state: { steps: {} as Record<string, number>, amounts: [] as number[], finished: false },
    queues: { payments: queue<{ amount: number; token: string }>() },
    run: workflow(async (ctx) => {
      const once = (name: string) => ({
        name,
        maxRetries: 50,
        retryBackoffMax: 2_000,
        run: (step: { state: { steps: Record<string, number> } }) => {
          step.state.steps[name] = (step.state.steps[name] ?? 0) + 1;
          return name;
        },
      });
      await ctx.step(once("reserve"));
      await ctx.sleep("cooling off", 7_000);
      await ctx.join("both", {
        left: { run: (branch) => branch.step(once("left")) },
        right: { run: (branch) => branch.step(once("right")) },
      });
      const sum = await ctx.loop({
        name: "payments",
        state: 0,
        run: async (loop, paid: number) => {
          const { body } = await loop.queue.next("payment", { names: ["payments"] });
          await loop.step("note", (step) => void step.state.amounts.push(body.amount));
          return paid + body.amount >= 3 ? Loop.break(paid + body.amount) : Loop.continue(paid + body.amount);
        },
      });
      await ctx.step(once("charge"));
      await ctx.step("check", () => sum);
      await ctx.step({
        ...once("ship"),
        atomic: true,
      });
      await ctx.step("finish", (step) => {
        step.state.finished = true;
      });
    }),
    actions: {
      look: (c): Observed => ({
        steps: { ...c.state.steps },
        amounts: [...c.state.amounts],
        finished: c.state.finished,
      }),
    },
  });
  const keys = Array.from({ length: random.int(1, 6) }, (_, at) => `o${at}`);

  const client = (key: string) => async (): Promise<void> => {
    const handle = world.client.getOrCreate("order", key);
    await world.pause(random.skewed(10_000));
    for (let paid = 0; paid < 3; paid++) {
      await world.pause(random.int(0, 15_000));
      const token = world.ledger.token();
      // Retries a payment with unknown outcome under the same idempotency key, so that it runs once.
      const idempotencyKey = `${key}-${paid}`;
      while (
        (await world.attempt(`pay ${paid} of ${key}`, async () => {
          await handle.send("payments", { amount: 1, token }, { idempotencyKey });
          return true;
        })) !== true
      ) {
        await world.pause(1_000);
      }
    }
  };

  return {
    name: "workflows",
    definitions: { order },
    clients: keys.map(client),
    check: async () => {
      for (const key of keys) {
        let observed: Observed | undefined;
        await world.eventually(`order ${key} is finished`, 600_000, async () => {
          observed = (await world.client.getOrCreate("order", key).action({ name: "look" })) as Observed;
          return observed.finished;
        });
        for (const step of steps) {
          const times = observed?.steps[step] ?? 0;
          world.assert(times === 1, () => `step ${step} of ${key} took effect ${times} times`);
        }
        const amounts = observed?.amounts.length;
        world.assert(amounts === 3, () => `${key} recorded ${amounts} payments of 3`);
      }
    },
  };
}
