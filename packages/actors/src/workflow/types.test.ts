import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "../definition.ts";
import { event } from "../event.ts";
import { queue } from "../queue.ts";
import { type DurableDefinition, durable } from "./durable.ts";
import { Loop } from "./loop.ts";
import type {
  WorkflowBranchContextOf,
  WorkflowContextOf,
  WorkflowLoopContextOf,
  WorkflowStepContextOf,
} from "./types.ts";
import { workflow } from "./workflow.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_same: Same<A, B>): void {}

const order = actor({
  state: { total: 0, notes: [] as string[] },
  events: { changed: event<[total: number]>() },
  queues: { items: queue<{ price: number }, string>() },
  run: workflow(async (ctx) => {
    const id = await ctx.step("id", async () => "x");
    same<typeof id, string>(true);
    const tried = await ctx.tryStep("n", () => 1);
    if (tried.ok) same<typeof tried.value, number>(true);
    const total = await ctx.loop({
      name: "l",
      state: { sum: 0 },
      run: async (loop, state) => {
        same<typeof state, { sum: number }>(true);
        const item = await loop.queue.next("item", { names: ["items"], completable: true });
        same<typeof item.body.price, number>(true);
        await item.complete("ok");
        return state.sum > 10 ? Loop.break(state.sum) : Loop.continue({ sum: state.sum + item.body.price });
      },
    });
    same<typeof total, number>(true);
    const both = await ctx.join("j", {
      a: { run: async (branch) => branch.step("a", () => 1) },
      b: { run: async () => "b" },
    });
    same<typeof both, { a: number; b: string }>(true);
    await ctx.step("save", (step) => {
      same<typeof step.state.total, number>(true);
      step.state.total = total;
      step.broadcast("changed", total);
      // @ts-expect-error The payload has another type.
      step.broadcast("changed", "nope");
    });
    await save(ctx);
  }),
  actions: { total: (c) => c.state.total },
});

const shipment = workflow(
  {
    createState: (_c, input: { to: string }) => ({ to: input.to, sent: false }),
    events: { sent: event<string>() },
    run: async (ctx) => {
      await ctx.step("send", (step) => {
        same<typeof step.state, { to: string; sent: boolean }>(true);
        step.state.sent = true;
        step.broadcast("sent", step.state.to);
      });
    },
    actions: { sent: (c) => c.state.sent },
  },
  {
    onError: (c) => {
      same<typeof c.state.sent, boolean>(true);
    },
  },
);

async function save(ctx: {
  step(name: string, run: (step: { state: { notes: string[] } }) => void): Promise<void>;
}): Promise<void> {
  await ctx.step("note", (step) => void step.state.notes.push("saved"));
}

async function helpers(
  ctx: WorkflowContextOf<typeof order>,
  loop: WorkflowLoopContextOf<typeof order>,
  branch: WorkflowBranchContextOf<typeof order>,
): Promise<void> {
  await ctx.step("a", (step) => change(step));
  await loop.step("b", () => change(loop));
  await branch.sleep("c", 1);
}

function change(step: WorkflowStepContextOf<typeof order>): void {
  step.state.total += 1;
}

test("types of workflows are inferred from the definition", () => {
  const answer = durable(async (ctx, input: { n: number }) => {
    same<typeof ctx.input, { n: number }>(true);
    return input.n;
  });
  same<typeof answer, DurableDefinition<{ n: number }, number>>(true);
  assert.equal(typeof helpers, "function");
  assert.ok(order["~definition"].actions.has("total"));
  assert.ok(shipment["~definition"].actions.has("sent"));
});
