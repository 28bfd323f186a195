/** An expense waits for a person, for days if need be, and survives every restart meanwhile. */
import { actor, event, queue, setup, UserError } from "holdfast";
import { workflow } from "holdfast/workflow";

interface Decision {
  readonly by: string;
  readonly approved: boolean;
}

const patienceMs = 3 * 86_400_000;

export const expense = actor({
  createState: (_c, input: { amount: number } | undefined) => {
    if (input === undefined) throw new UserError("Say how much it was", { code: "amount_missing" });
    return { amount: input.amount, status: "waiting" };
  },
  events: { decided: event<string>() },
  queues: { decisions: queue<Decision>() },
  run: workflow(async (ctx) => {
    const [decision] = await ctx.queue.nextBatch("decision", { names: ["decisions"], timeout: patienceMs });
    const status = decision === undefined ? "expired" : decision.body.approved ? "paid" : "refused";
    await ctx.step("decide", async (c) => {
      c.state.status = status;
      c.broadcast("decided", status);
    });
  }),
  actions: { status: (c) => c.state.status },
});

export const registry = setup({ use: { expense } });
if (import.meta.main) await registry.start();
