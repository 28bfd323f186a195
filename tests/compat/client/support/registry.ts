import { actor, event, queue, setup, UserError } from "holdfast";

const counter = actor({
  createState: (_c, input?: { readonly start: number }) => ({ count: input?.start ?? 0 }),
  createConnState: (_c, params: unknown) => ({ params }),
  events: { changed: event<number>(), moved: event<[x: number, y: number]>() },
  actions: {
    add: (c, by: number) => {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    get: (c) => c.state.count,
    id: (c) => c.actorId,
    params: (c) => c.conn.state.params,
    move: (c, x: number, y: number) => c.broadcast("moved", x, y),
    echo: (_c, value: unknown) => value,
    nothing: () => undefined,
    sizes: (_c, ...values: unknown[]) => values.length,
    refuse: (_c, left: number) => {
      throw new UserError("Sold out", { code: "sold_out", metadata: { left, at: 1_700_000_000_000 } });
    },
    crash: () => {
      throw new Error("the password is hunter2");
    },
    count: async function* (_c, to: number) {
      for (let n = 1; n <= to; n++) yield n;
    },
    admin: { ban: (_c, name: string) => `banned ${name}` },
    disconnectAll: (c) => {
      for (const conn of c.conns.values()) void conn.disconnect("again");
    },
    rest: (c) => c.sleep(),
    destroy: (c) => c.destroy(),
  },
});

const worker = actor({
  state: { done: [] as string[] },
  queues: { jobs: queue<{ text: string }, { length: number }>(), idle: queue<string>() },
  run: async (c) => {
    for await (const message of c.queue.iter({ names: ["jobs"], completable: true })) {
      c.state.done.push(message.body.text);
      await message.complete({ length: message.body.text.length });
    }
  },
  actions: { done: (c) => c.state.done },
});

const raw = actor({
  state: {},
  onRequest: async (c, request) => {
    const { pathname, search, origin } = new URL(request.url);
    const body = await request.text();
    const own = [...request.headers.keys()].filter((name) => name.startsWith("x-own"));
    const answer = {
      method: request.method,
      origin,
      pathname,
      search,
      body,
      own,
      params: c.conn.params ?? null,
    };
    return Response.json(answer, {
      status: pathname === "/teapot" ? 418 : 200,
      headers: { "x-kind": "raw" },
    });
  },
  onWebSocket: (c, socket) => {
    socket.addEventListener("message", (message: MessageEvent) => {
      const data: unknown = message.data;
      if (data === "close") socket.close(4000, "as asked");
      else if (data === "params") socket.send(JSON.stringify(c.conn.params ?? null));
      else socket.send(data as string);
    });
  },
  actions: { ping: () => "pong" },
});

export function peerRegistry(dataDirectory: string) {
  return setup({
    ...{ use: { counter, worker, raw }, dataDirectory, noWelcome: true },
    namespaces: { acme: { token: "acme-secret-token" } },
    logging: { level: "silent" },
    shutdown: { disableSignalHandlers: true },
  });
}
