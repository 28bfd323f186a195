/** Actors that only serverless nodes have. They sleep as soon as they are idle. */
import { actor } from "holdfast";

export const visits = actor({
  options: { sleepTimeout: 200 },
  state: { count: 0, reminded: 0 },
  actions: {
    add: (c, value: number) => {
      c.state.count += value;
      return c.state.count;
    },
    /** The process that runs this actor. */
    process: () => process.pid,
    slowly: async (c, ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      c.state.count++;
      return c.state.count;
    },
    remindAfter: async (c, ms: number) => {
      await c.schedule.after(ms, "remind");
    },
    remind: (c) => {
      c.state.reminded = process.pid;
    },
    reminded: (c) => c.state.reminded,
  },
});

export const serverlessActors = { visits };
export type ServerlessRegistry = import("holdfast").Registry<typeof serverlessActors>;
