/** Actors that only serverless nodes have. They sleep as soon as they are idle. */
import { actor, event } from "holdfast";

export const visits = actor({
  options: { sleepTimeout: 200 },
  state: { count: 0, reminded: 0 },
  events: { changed: event<number>() },
  actions: {
    add: (c, value: number) => {
      c.state.count += value;
      c.broadcast("changed", c.state.count);
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
  onWebSocket: (_c, socket) => {
    socket.addEventListener("message", ({ data }) => socket.send(`${process.pid} ${data}`));
  },
});

export const serverlessActors = { visits };
export type ServerlessRegistry = import("holdfast").Registry<typeof serverlessActors>;
