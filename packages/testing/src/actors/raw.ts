import { actor } from "@holdfast/actors";
import { UserError } from "@holdfast/core";

/** What the raw actors have seen, in order. */
export const seen: string[] = [];

/** Answers with what it was asked. */
export const mirror = actor({
  state: { requests: 0 },
  onRequest: async (c, request) => {
    c.state.requests += 1;
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/echo":
        return new Response(request.body, {
          headers: { "content-type": request.headers.get("content-type") ?? "" },
        });
      case "/describe":
        return Response.json({
          method: request.method,
          origin: url.origin,
          path: url.pathname,
          search: url.search,
          headers: [...request.headers],
          conn: c.conns.has(c.conn.id),
          params: c.conn.params ?? null,
          same: c.request === request,
        });
      case "/cookies": {
        const response = new Response("", { status: 201, statusText: "Made It" });
        response.headers.append("set-cookie", "a=1");
        response.headers.append("set-cookie", "b=2");
        return response;
      }
      case "/empty":
        return new Response(null, { status: 204 });
      case "/user-error":
        throw new UserError("You may not", { code: "refused" });
      case "/crash":
        throw new Error("the password is hunter2");
      case "/size": {
        const bytes = await request.arrayBuffer();
        return Response.json({ bytes: bytes.byteLength });
      }
      case "/sent-on": {
        const to = url.searchParams.get("to") ?? "sent-on";
        return new Response("gone", {
          status: Number(url.searchParams.get("status") ?? 302),
          headers: { location: to },
        });
      }
      case "/redirect":
        return new Response(null, { status: 302, headers: { location: "/elsewhere" } });
      default:
        return new Response(`${request.method} ${url.pathname}${url.search}`);
    }
  },
  actions: { requests: (c) => c.state.requests },
});

/** Breaks the contract of `onRequest`. */
export const broken = actor({
  onRequest: (_c, request) => {
    if (request.url.endsWith("/text")) return "text" as unknown as Response;
    return undefined as unknown as Response;
  },
});

export const plain = actor({ actions: { here: () => true } });

/** Sends back what it gets; counts its sockets in its state. */
export const sockets = actor({
  state: { opened: 0, messages: [] as string[] },
  // A stateless call has a connection as well, of a request with another method.
  onDisconnect: (c) => void (c.request?.method === "GET" && seen.push("onDisconnect")),
  onWebSocket: (c, websocket, { request }) => {
    c.state.opened += 1;
    const path = new URL(request.url).pathname;
    if (path === "/websocket/refuse") throw new UserError("No", { code: "refused" });
    if (path === "/websocket/crash") throw new Error("the password is hunter2");
    websocket.send(JSON.stringify({ type: "welcome", opened: c.state.opened, path }));
    websocket.addEventListener("message", (event) => {
      if (event.data === "throw at once") throw new UserError("No", { code: "refused" });
    });
    websocket.addEventListener("message", async (event) => {
      if (event.data === "throw") throw new UserError("No", { code: "refused" });
      if (event.data === "close") return websocket.close(4001, "enough");
      if (event.data === "close plainly") return websocket.close();
      if (event.data === "conns") return websocket.send(String(c.conns.size));
      if (event.data === "write") {
        c.state.messages.push("written");
        return websocket.send("written");
      }
      websocket.send(event.data);
    });
    websocket.addEventListener("close", (event) => void seen.push(`close ${event.code} ${event.reason}`));
  },
  actions: {
    opened: (c) => c.state.opened,
    conns: (c) => [...c.conns.keys()].filter((id) => id !== c.conn.id).length,
    broadcast: (c) => c.broadcast("anything"),
    sleep: (c) => c.sleep(),
  },
});

/** Its sockets outlive its sleep. */
export const hibernating = actor({
  state: { messages: 0 },
  createConnState: (_c, params: { readonly user: string } | undefined) => ({
    user: params?.user ?? "",
    sent: 0,
  }),
  onSleep: () => void seen.push("sleep"),
  onWake: () => void seen.push("wake"),
  onDisconnect: (c) => void (c.request?.method === "GET" && seen.push("disconnect")),
  onWebSocket: (c, websocket, { request }) => {
    seen.push("onWebSocket");
    websocket.addEventListener("open", () => void seen.push("open"));
    websocket.addEventListener("message", (event) => {
      c.state.messages += 1;
      c.conn.state.sent += 1;
      const { pathname } = new URL(request.url);
      websocket.send(
        [event.data, c.state.messages, c.conn.state.user, c.conn.state.sent, pathname].join(" "),
      );
    });
  },
  actions: { sleep: (c) => c.sleep(), messages: (c) => c.state.messages },
  options: { canHibernateWebSocket: (request) => !request.url.endsWith("/plain") },
});

/** Says hello without writing anything. */
export const stateless = actor({
  onWebSocket: (_c, websocket) => websocket.send("hello"),
});

export const rawActors = { mirror, broken, plain, sockets, hibernating, stateless };
