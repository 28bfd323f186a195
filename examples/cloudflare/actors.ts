/** A room that remembers. Import from "@holdfast/actors": "holdfast" brings a server, which a Worker has no use for. */
import { actor, event } from "@holdfast/actors";

const room = actor({
  state: { lines: [] as string[] },
  events: { said: event<string>() },
  actions: {
    say: (c, text: string) => {
      c.state.lines.push(text);
      c.broadcast("said", text);
      return c.state.lines.length;
    },
    sayLater: (c, ms: number, text: string) => c.schedule.after(ms, "say", text),
    lines: (c) => [...c.state.lines],
  },
});

export const actors = { room };

export type Registry = { readonly "~actors"?: typeof actors };
