import { actor } from "@holdfast/actors";
import { Loop, workflow, workflowControl } from "@holdfast/actors/workflow";
import { isErrorCode } from "@holdfast/core";
import type { Workload, World } from "../world.ts";

interface Observed {
  readonly taken: readonly string[];
  readonly finished: boolean;
}

/** Number of signals that each workflow waits for. */
const needed = 3;

/** Workflows that wait for signals, asleep or awake: each signal must be received once, in call order. */
export function signals(world: World): Workload {
  const random = world.random("signals");
  const approval = actor({
    options: { sleepTimeout: 1_000 },
    state: { taken: [] as string[], finished: false },
    run: workflow(async (ctx) => {
      await ctx.loop({
        name: "rounds",
        state: 1,
        run: async (loop, round: number) => {
          const { token } = await loop.signal<{ token: string }>("approve");
          // Signals that arrive during the sleep are received afterwards.
          await loop.sleep("rest", 5_000);
          await loop.step("note", (step) => void step.state.taken.push(token));
          return round === needed ? Loop.break(round) : Loop.continue(round + 1);
        },
      });
      await ctx.step("finish", (step) => {
        step.state.finished = true;
      });
    }),
    actions: {
      approve: (c, token: string) => workflowControl(c).signal("approve", { token }),
      look: (c): Observed => ({ taken: [...c.state.taken], finished: c.state.finished }),
    },
  });
  const keys = Array.from({ length: random.int(1, 4) }, (_, at) => `a${at}`);
  /** Accepted signals by key, in order of acceptance. */
  const accepted = new Map<string, string[]>();

  const approve = async (key: string): Promise<"taken" | "too late" | undefined> => {
    const token = world.ledger.token();
    const outcome = await world.attempt(`approve ${key} ${token}`, async () => {
      try {
        await world.client.getOrCreate("approval", key).action({ name: "approve", args: [token] });
        return "taken";
      } catch (error) {
        if (isErrorCode(error, "workflow", "ended")) return "too late";
        throw error;
      }
    });
    if (outcome !== "taken") return outcome;
    world.assert(
      world.ledger.isDurable(token),
      () => `a signal was acknowledged before its commit (${token})`,
    );
    accepted.set(key, [...(accepted.get(key) ?? []), token]);
    return outcome;
  };
  const client = (key: string) => async (): Promise<void> => {
    for (let count = 0; count < needed; ) {
      await world.pause(random.skewed(10_000));
      const outcome = await approve(key);
      if (outcome === "too late") return;
      if (outcome === "taken") count++;
    }
  };

  return {
    name: "signals",
    definitions: { approval },
    clients: keys.map(client),
    check: async () => {
      for (const key of keys) {
        let taken: readonly string[] = [];
        await world.eventually(`approval ${key} is finished`, 300_000, async () => {
          const observed = (await world.client
            .getOrCreate("approval", key)
            .action({ name: "look" })) as Observed;
          taken = observed.taken;
          return observed.finished;
        });
        const isOnce = new Set(taken).size === taken.length && taken.length === needed;
        world.assert(isOnce, () => `${key} took ${taken.join()}`);
        const own = (accepted.get(key) ?? []).filter((token) => taken.includes(token));
        const order = taken.filter((token) => own.includes(token));
        world.assert(
          order.join() === own.join(),
          () => `${key} received ${order.join()}, but ${own.join()} were sent`,
        );
      }
    },
  };
}
