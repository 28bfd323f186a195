/** A shop whose actors are called from Python and Go, over clients that are generated from its schemas. */
import { action, actor, event, queue, setup, UserError } from "holdfast";
import * as z from "zod";

const item = z.object({ name: z.string(), price: z.number(), tags: z.array(z.string()).optional() });

export const shop = actor({
  createState: (_c, input?: { stock: number }) => ({ stock: input?.stock ?? 3, orders: [] as string[] }),
  events: { sold: z.object({ name: z.string(), left: z.number().int() }), closing: event<string>() },
  queues: {
    orders: queue({
      message: z.object({ item: z.string() }),
      complete: z.object({ number: z.number().int() }),
    }),
  },
  run: async (c) => {
    for await (const message of c.queue.iter({ names: ["orders"], completable: true })) {
      c.state.orders.push(message.body.item);
      await message.complete({ number: c.state.orders.length });
    }
  },
  onRequest: async (_c, request) => new Response(`${request.method} ${await request.text()}`),
  actions: {
    buy: action({
      input: item,
      output: z.object({ left: z.number().int(), receipt: z.string() }),
      handler: (c, { name, price }) => {
        if (c.state.stock === 0) {
          throw new UserError("Sold out", { code: "sold_out", metadata: { name } });
        }
        c.state.stock -= 1;
        c.broadcast("sold", { name, left: c.state.stock });
        return { left: c.state.stock, receipt: `${name} for ${price}` };
      },
    }),
    stock: action({ output: z.number().int(), handler: (c) => c.state.stock }),
    /** Has no schemas: takes and returns anything. */
    echo: (_c, ...values: unknown[]) => values,
    admin: { refill: (c, count: number) => (c.state.stock += count) },
    class: () => "a word that Python keeps to itself",
  },
});

export const registry = setup({ use: { shop } });

if (import.meta.main) await registry.start();
