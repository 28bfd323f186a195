/** The small print of raw requests and sockets: forms of addresses, headers, bodies, streams, errors, closing. */
import assert from "node:assert/strict";
import { actor, setup, type UniversalWebSocket, UserError } from "rivetkit";
import { createClient } from "rivetkit/client";

const site = actor({
  state: { sockets: 0 },
  createConnState: (_c: unknown, params: { user: string } | undefined) => ({
    user: params?.user ?? "nobody",
  }),
  onRequest: async (c, request) => {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/info":
        return Response.json({
          method: request.method,
          search: url.search,
          user: c.conn.state.user,
          conns: c.conns.size,
        });
      case "/echo":
        return new Response(await request.arrayBuffer(), {
          status: 201,
          headers: { "content-type": request.headers.get("content-type") ?? "none", "x-own": "yes" },
        });
      case "/form":
        return Response.json(Object.fromEntries(await request.formData()));
      case "/cookies": {
        const headers = new Headers();
        headers.append("set-cookie", "a=1");
        headers.append("set-cookie", "b=2");
        return new Response(null, { status: 204, headers });
      }
      case "/stream":
        return new Response(
          new ReadableStream({
            start(controller) {
              for (const part of ["one;", "two;", "three"])
                controller.enqueue(new TextEncoder().encode(part));
              controller.close();
            },
          }),
        );
      case "/refuse":
        throw new UserError("Not today", { code: "not_today", metadata: { day: 1 } });
      default:
        return new Response("nothing here", { status: 404 });
    }
  },
  onWebSocket: (c, websocket: UniversalWebSocket) => {
    c.state.sockets += 1;
    websocket.send(`welcome ${c.conn.state.user} ${websocket.readyState}`);
    websocket.addEventListener("message", async (event: { data: unknown }) => {
      if (event.data === "bye") websocket.close(4000, "done");
      else if (event.data === "refuse") throw new UserError("No", { code: "refused" });
      else if (typeof event.data === "string") websocket.send(event.data.toUpperCase());
      else websocket.send(new Uint8Array(event.data as ArrayBuffer).reverse());
    });
  },
  actions: { sockets: (c) => c.state.sockets },
});

export const registry = setup({ use: { site } });

/** Sends each of `messages`; returns what the socket receives and how it closes. */
async function talk(
  socket: UniversalWebSocket,
  messages: readonly (string | Uint8Array)[],
): Promise<unknown[]> {
  const heard: unknown[] = [];
  socket.addEventListener("message", (event: { data: string | ArrayBuffer }) => {
    heard.push(typeof event.data === "string" ? event.data : [...new Uint8Array(event.data)]);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", resolve);
  });
  for (const message of messages) socket.send(message);
  const { code, reason } = await closed;
  return [...heard, code, reason];
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.site.getOrCreate(["a"], { params: { user: "ann" } });
  const info = { method: "GET", search: "", user: "ann", conns: 1 };
  assert.deepEqual(await (await handle.fetch("/info")).json(), info);
  assert.deepEqual(await (await handle.fetch("info")).json(), info);
  const query = await handle.fetch(new URL("http://anywhere.test/info?a=1&b=%20"), { method: "DELETE" });
  assert.deepEqual(await query.json(), { ...info, method: "DELETE", search: "?a=1&b=%20" });
  const whole = new Request("http://anywhere.test/info", { method: "PUT", body: "x" });
  assert.equal(((await (await handle.fetch(whole)).json()) as { method: string }).method, "PUT");

  const headers = { "content-type": "application/x-own" };
  const echo = await handle.fetch("/echo", { method: "POST", headers, body: new Uint8Array([0, 255]) });
  assert.deepEqual(
    [echo.status, echo.headers.get("content-type"), echo.headers.get("x-own")],
    [201, "application/x-own", "yes"],
  );
  assert.deepEqual(new Uint8Array(await echo.arrayBuffer()), new Uint8Array([0, 255]));
  const form = new FormData();
  form.set("name", "ü");
  assert.deepEqual(await (await handle.fetch("/form", { method: "POST", body: form })).json(), { name: "ü" });
  assert.deepEqual((await handle.fetch("/cookies")).headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(await (await handle.fetch("/stream")).text(), "one;two;three");
  assert.equal((await handle.fetch("/nowhere")).status, 404);
  const refused = await handle.fetch("/refuse");
  const { group, code, message, metadata } = (await refused.json()) as Record<string, unknown>;
  assert.deepEqual(
    [refused.status, group, code, message, metadata],
    [400, "user", "not_today", "Not today", { day: 1 }],
  );

  const socket: UniversalWebSocket = await handle.webSocket("/chat?room=1");
  assert.deepEqual(await talk(socket, ["hi", new Uint8Array([1, 2]), "bye"]), [
    "welcome ann 1",
    "HI",
    [2, 1],
    4000,
    "done",
  ]);
  const forgiving = await talk(await handle.webSocket(), ["refuse", "hi", "bye"]);
  assert.deepEqual(forgiving, ["welcome ann 1", "HI", 4000, "done"]);
  assert.equal(await handle.sockets(), 2);

  const url = await handle.getGatewayUrl();
  assert.equal((await fetch(`${url}/request/info`)).status, 200);
  await client.dispose();
}
