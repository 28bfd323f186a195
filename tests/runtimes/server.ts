/** The registry that the clients of other runtimes speak to. */
import type { Socket } from "node:net";
import { actor, event, setup, UserError } from "holdfast";

/** Sockets of the server, to be cut off by a test. */
export const sockets = new Set<Socket>();

const counter = actor({
  state: { count: 0 },
  events: { changed: event<number>() },
  onRequest: async (_c, request) => {
    const { pathname, search } = new URL(request.url);
    return new Response(`${request.method} ${pathname}${search} ${await request.text()}`, { status: 201 });
  },
  actions: {
    add: (c, by: number) => {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    echo: (_c, value: unknown) => value,
    refuse: () => {
      throw new UserError("no", { code: "no" });
    },
    /** Cuts every WebSocket as a lost network would. */
    dropSockets: () => {
      for (const socket of sockets) socket.destroy();
    },
  },
});

export const registry = setup({ use: { counter }, noWelcome: true });
