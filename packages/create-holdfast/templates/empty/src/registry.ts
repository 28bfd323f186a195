import { actor, event, setup } from "holdfast";

/** A counter for every key. Its state survives restarts; nothing has to be saved. */
export const counter = actor({
  state: { count: 0 },
  events: { changed: event<number>() },
  actions: {
    add: (c, amount: number) => {
      c.state.count += amount;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    count: (c) => c.state.count,
  },
});

export const registry = setup({ use: { counter } });

if (import.meta.main) await registry.start();
