/** The program that the deployments run, in place of your own: nothing in it is about a cluster. */
import { actor, event, setup } from "holdfast";

const counter = actor({
  state: { count: 0 },
  events: { changed: event<number>() },
  actions: {
    add: (c, amount: number) => {
      c.state.count += amount;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
  },
});

export const registry = setup({ use: { counter } });
if (import.meta.main) await registry.start();
