/** Clients that are given no registry, and functions that take the contexts of several hooks. */
import assert from "node:assert/strict";
import { type ActorContextOf, actor, type CreateContextOf, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { workflow } from "rivetkit/workflow";

const stock = actor({
  state: { left: 5 },
  actions: {
    take: (c, many: number) => {
      c.state.left -= many;
      c.broadcast("taken", many, "pieces");
      return c.state.left;
    },
    shelf: { count: (c) => c.state.left },
  },
});

interface OrderState {
  lines: string[];
  openedBy: string;
}

const order = actor({
  createState: (c, input: { by: string }): OrderState => ({ lines: [label(c)], openedBy: input.by }),
  onCreate: (c) => {
    c.state.lines.push(`${label(c)} by ${opener(c)}`);
  },
  actions: {
    // Neither of these says which registry it means.
    buy: async (c, many: number) => {
      const left: number = await c.client().stock.getOrCreate(["main"]).take(many);
      // biome-ignore lint/suspicious/noExplicitAny: a program that says so is what is tested.
      const counted: number = await c.client<any>().stock.getOrCreate(["main"]).shelf.count();
      c.state.lines.push(`${left} ${counted}`);
      return c.state.lines;
    },
    plain: (c) => lines(c as ActorContextOf<typeof bare>),
  },
  createVars: () => ({ opened: true }),
});

const bare = actor({ state: { lines: [] as string[], openedBy: "" }, actions: {} });

function label(c: CreateContextOf<typeof order>): string {
  return c.key.join("/");
}

function opener(c: CreateContextOf<typeof order>): string {
  return c.state.openedBy;
}

function lines(c: ActorContextOf<typeof bare>): number {
  return c.state.lines.length;
}

const packing = actor({
  state: { packed: 0 },
  run: workflow(async (ctx) => {
    ctx.log.info({ msg: "packing", boxes: 2 });
    await ctx.step("pack", async (step) => {
      step.log.debug({ step: "pack" }, "a box");
      step.state.packed += 2;
    });
  }),
  actions: { packed: (c) => c.state.packed },
});

export const registry = setup({ use: { stock, order, bare, packing } });

/** Under `noUncheckedIndexedAccess` any name of an untyped client may be missing. */
function sure<Value>(value: Value | undefined): Value {
  assert.ok(value !== undefined);
  return value;
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient(endpoint);
  const handle = sure(client.stock).getOrCreate(["main"]);
  const taken: unknown[] = [];
  const conn = handle.connect();
  const told = new Promise<void>((resolve) => {
    conn.on("taken", (many, unit) => {
      taken.push(many, unit.toUpperCase());
      resolve();
    });
  });
  await conn.ready;
  assert.equal(await sure(conn.take)(1), 4);
  await told;
  assert.deepEqual(taken, [1, "PIECES"]);
  await conn.dispose();

  const made = await sure(client.order).create(["o", "1"], { input: { by: "ann" } });
  assert.deepEqual(await sure(made.buy)(2), ["o/1", "o/1 by ann", "2 2"]);
  assert.equal(await sure(made.plain)(), 3);

  const shop = sure(client.packing).getOrCreate(["p"]);
  for (;;) {
    if ((await sure(shop.packed)()) === 2) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await client.dispose();
}
