/** The registry that the clients of other runtimes speak to. */
import type { Socket } from "node:net";
import { actor, event, queue, setup, UserError } from "holdfast";

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

/** What takes longer than one message each way. */
const pipes = actor({
  state: {},
  createVars: () => ({ cancelled: Promise.withResolvers<true>() }),
  queues: { jobs: queue<number, { doubled: number }>() },
  onBeforeConnect: (_c, params: { token?: string } | undefined) => {
    if (params?.token === "wrong") throw new UserError("no such token", { code: "no_token" });
  },
  run: async (c) => {
    for await (const job of c.queue.iter({ completable: true }))
      await job.complete({ doubled: job.body * 2 });
  },
  onRequest: (_c, request) => new Response(request.body, { headers: { "x-kind": "stream" } }),
  onWebSocket: (_c, socket) => {
    socket.addEventListener("message", (event: MessageEvent) => {
      if (event.data === "close") socket.close(4001, "as asked");
      else socket.send(event.data);
    });
  },
  actions: {
    async *count(_c, to: number) {
      for (let n = 1; n <= to; n++) yield { n, big: 2n ** 70n };
    },
    wait: (c) =>
      new Promise<void>((_resolve, reject) => {
        c.abortSignal.addEventListener("abort", () => {
          c.vars.cancelled.resolve(true);
          reject(new UserError("cancelled"));
        });
      }),
    wasCancelled: (c) => c.vars.cancelled.promise,
    token: (c) => (c.conn.params as { token?: string } | undefined)?.token,
    values: () => ({
      when: new Date(5),
      map: new Map([["a", new Set([1n])]]),
      bytes: new Uint8Array([7]),
      big: 2n ** 70n,
    }),
  },
});

export const registry = setup({ use: { counter, pipes }, noWelcome: true });
