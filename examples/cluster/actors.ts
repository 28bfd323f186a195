/** The actors of the demonstration: a counter and a chat room, each of which says at which node it runs. */
import { actor, event, type Registry } from "holdfast";

/** One line of the chat. Numbers start at 1 and have no gaps, so that a reader notices a lost or repeated line. */
export interface Line {
  readonly number: number;
  readonly from: string;
  readonly text: string;
}

const maxLines = 50;
const nodeName = (): string => process.env["HOLDFAST_NODE"] ?? "this process";

export const counter = actor({
  state: { count: 0 },
  actions: {
    add: (c, amount: number) => {
      c.state.count += amount;
      return { count: c.state.count, node: nodeName() };
    },
  },
});

export const room = actor({
  state: { last: 0, lines: [] as Line[] },
  events: { said: event<Line>() },
  actions: {
    say: (c, from: string, text: string) => {
      c.state.last += 1;
      const line = { number: c.state.last, from, text };
      c.state.lines.push(line);
      if (c.state.lines.length > maxLines) c.state.lines.shift();
      c.broadcast("said", line);
      return nodeName();
    },
    history: (c) => ({ lines: c.state.lines, node: nodeName() }),
  },
});

export const actors = { counter, room };
export type DemoRegistry = Registry<typeof actors>;
