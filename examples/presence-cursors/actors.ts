/** Where everybody points: nothing of it is kept, all of it is live. */
import { actor, event, setup } from "holdfast";

export interface Cursor {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export const board = actor({
  createConnState: (_c, params: { name: string }) => ({ name: params?.name ?? "guest", x: 0, y: 0 }),
  events: { moved: event<Cursor>(), left: event<string>() },
  onDisconnect: (c, conn) => {
    c.broadcast("left", conn.state.name);
  },
  actions: {
    move: (c, x: number, y: number) => {
      c.conn.state.x = x;
      c.conn.state.y = y;
      // Who moves knows where he is.
      c.broadcast({ event: "moved", except: [c.conn.id] }, { name: c.conn.state.name, x, y });
    },
    cursors: (c) => [...c.conns.values()].map(({ state }) => ({ name: state.name, x: state.x, y: state.y })),
  },
});

export const registry = setup({ use: { board } });
if (import.meta.main) await registry.start();
