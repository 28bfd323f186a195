/** A trip over three actors: when the last booking fails, the ones before it are undone. */
import { actor, setup, UserError } from "holdfast";
import { workflow } from "holdfast/workflow";

export const seats = actor({
  createState: (_c, input: { free: number }) => ({ free: input?.free ?? 1 }),
  actions: {
    book: (c) => {
      if (c.state.free === 0) throw new UserError("sold out", { code: "sold_out" });
      c.state.free -= 1;
      return c.state.free;
    },
    cancel: (c) => {
      c.state.free += 1;
    },
    free: (c) => c.state.free,
  },
});

const places = setup({ use: { seats } });

export const trip = actor({
  state: { status: "booking" },
  run: workflow(async (ctx) => {
    await ctx.rollbackCheckpoint("bookings");
    for (const leg of ["train", "ferry", "hotel"]) {
      await ctx.step({
        name: `book ${leg}`,
        maxRetries: 0,
        // What a crash cuts off is done again: with a key of its own, each call has its effect once.
        run: async (c) => {
          const seats = c.client<typeof places>().seats.get([leg]);
          await seats.action({ name: "book", args: [], idempotencyKey: c.idempotencyKey });
        },
        rollback: async (c) => {
          const seats = c.client<typeof places>().seats.get([leg]);
          await seats.action({ name: "cancel", args: [], idempotencyKey: `${c.idempotencyKey}/cancel` });
          c.state.status = "undone";
        },
      });
    }
    await ctx.step("done", async (c) => {
      c.state.status = "booked";
    });
  }),
  actions: { status: (c) => c.state.status },
});

export const registry = setup({ use: { seats, trip } });
if (import.meta.main) await registry.start();
