import assert from "node:assert/strict";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { type Client, createClient } from "@holdfast/client";
import { allActors, rawActors } from "@holdfast/testing/actors";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { attachWebSockets, toExpressHandler } from "../src/adapters/express.ts";
import { toFastifyPlugin } from "../src/adapters/fastify.ts";
import { toHonoHandler } from "../src/adapters/hono.ts";
import { toNextHandler } from "../src/adapters/next.ts";
import { NodeExchange } from "../src/gateway/http/node-exchange.ts";
import type { Registry } from "../src/index.ts";
import { storedRegistry, temporaryDirectory } from "./support.ts";

const actors = { ...allActors, ...rawActors };
type Actors = typeof actors;

function registryOf(t: TestContext): Registry<Actors> {
  const registry = storedRegistry(actors, temporaryDirectory(t));
  t.after(() => registry.shutdown());
  return registry;
}

function clientOf(t: TestContext, port: number, path: string): Client<Registry<Actors>> {
  const client = createClient<Registry<Actors>>(`http://127.0.0.1:${port}${path}`);
  t.after(() => client.dispose());
  return client;
}

function listening(t: TestContext, server: Server): Promise<number> {
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** Calls, binary bodies, streams and errors. */
async function httpWorks(client: Client<Registry<Actors>>): Promise<void> {
  const counter = client.counter.getOrCreate(["a", "b"]);
  assert.equal(await counter.increment(2), 2);
  assert.equal(await counter.increment(3), 5);
  assert.equal(await client.counter.get(["a", "b"]).get(), 5);
  const mirror = client.mirror.getOrCreate("a");
  const bytes = new Uint8Array(300_000).fill(7);
  const echoed = await mirror.fetch("/echo", { method: "POST", body: bytes });
  assert.ok(Buffer.from(await echoed.arrayBuffer()).equals(bytes));
  const cookies = await mirror.fetch("/cookies?a=%2F");
  assert.deepEqual([cookies.status, cookies.headers.getSetCookie()], [201, ["a=1", "b=2"]]);
  assert.equal((await mirror.fetch("/x", { method: "HEAD" })).status, 200);
  assert.equal((await client.mirror.get("absent").fetch("/")).status, 404);
}

/** Connections with events, and raw WebSockets. */
async function socketsWork(client: Client<Registry<Actors>>): Promise<void> {
  const conn = client.counter.getOrCreate("live").connect();
  const heard = new Promise((resolve) => conn.on("changed", resolve));
  await conn.ready;
  assert.equal(await conn.increment(4), 4);
  assert.equal(await heard, 4);
  await conn.dispose();
  const socket = await client.sockets.getOrCreate("a").webSocket("/chat");
  const first = await new Promise<string>((resolve) => {
    socket.addEventListener("message", (event) => resolve(String(event.data)), { once: true });
  });
  assert.equal((JSON.parse(first) as { path: string }).path, "/websocket/chat");
  socket.close();
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code;
}

describe("adapters", () => {
  test("Express: requests, other routes, WebSockets", async (t) => {
    const registry = registryOf(t);
    const app = express();
    app.use("/api/holdfast", toExpressHandler(registry));
    app.get("/hello", (_request, response) => void response.send("hello"));
    app.use("/api/holdfast", (_request, response) => void response.status(404).send("not here"));
    const server = createServer(app);
    attachWebSockets(server, registry, { basePath: "/api/holdfast" });
    const port = await listening(t, server);
    const client = clientOf(t, port, "/api/holdfast");
    await httpWorks(client);
    await socketsWork(client);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/hello`)).text(), "hello");
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/api/holdfast/x`)).text(), "not here");
    const health = await fetch(`http://127.0.0.1:${port}/api/holdfast/health`);
    assert.deepEqual(await health.json(), { status: "ok", runtime: "holdfast", version: "0.1.0" });
  });

  test("Express: a body that was read before is told", async (t) => {
    const registry = registryOf(t);
    const app = express();
    app.use(express.json());
    app.use("/api/holdfast", toExpressHandler(registry));
    app.post("/api/holdfast/mine", (request, response) => void response.json(request.body));
    const port = await listening(t, createServer(app));
    // With a length, and without one.
    for (const body of ['{"args":[1]}', new Blob(['{"args":[1]}']).stream()]) {
      const response = await fetch(`http://127.0.0.1:${port}/api/holdfast/actors/echo/@a,/actions/same`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        duplex: "half",
      });
      assert.equal(response.status, 500);
      assert.equal(await codeOf(response), "body_consumed");
    }
    const raw = await fetch(`http://127.0.0.1:${port}/api/holdfast/actors/mirror/~a,/request/x`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "[1]",
    });
    assert.equal(raw.status, 500);
    assert.equal(await codeOf(raw), "body_consumed");
    // The program's own route behind it, which is why the parser is there.
    const own = await fetch(`http://127.0.0.1:${port}/api/holdfast/mine`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "[1]",
    });
    assert.deepEqual(await own.json(), [1]);
  });

  test("Fastify: requests, other routes, WebSockets", async (t) => {
    const registry = registryOf(t);
    const app = fastify();
    t.after(() => app.close());
    app.register(toFastifyPlugin(registry), { prefix: "/api/holdfast" });
    app.post("/json", async (request) => request.body);
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as AddressInfo;
    const client = clientOf(t, port, "/api/holdfast");
    await httpWorks(client);
    await socketsWork(client);
    const other = await fetch(`http://127.0.0.1:${port}/json`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"a":1}',
    });
    assert.deepEqual(await other.json(), { a: 1 }, "its own parsers stay");
    assert.equal((await fetch(`http://127.0.0.1:${port}/api/holdfast/x`)).status, 404);
  });

  test("Hono: a handler at any path, and WebSockets of the server below", async (t) => {
    const registry = registryOf(t);
    const app = new Hono();
    app.all("/api/holdfast/*", toHonoHandler(registry));
    app.get("/hello", (c) => c.text("hello"));
    const server = createServer((request, response) => {
      // What @hono/node-server does: a Request in, a Response out.
      const exchange = new NodeExchange(request, response);
      const url = `http://${request.headers.host}${request.url}`;
      const asked = exchange.request(url, new AbortController().signal, Number.POSITIVE_INFINITY);
      void Promise.resolve(app.fetch(asked)).then((answer) => exchange.replyWith(answer, {}));
    });
    registry.attach(server, { basePath: "/api/holdfast" });
    const port = await listening(t, server);
    const client = clientOf(t, port, "/api/holdfast");
    await httpWorks(client);
    await socketsWork(client);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/hello`)).text(), "hello");
  });

  test("Hono: a body that was read before is told", async (t) => {
    const registry = registryOf(t);
    const app = new Hono();
    app.use(async (c, next) => {
      await c.req.json();
      await next();
    });
    app.all("/api/holdfast/*", toHonoHandler(registry));
    for (const path of ["/actors/echo/@a,/actions/same?create=true", "/actors/mirror/~a,/request/x"]) {
      const response = await app.request(`http://localhost/api/holdfast${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"args":[1]}',
      });
      assert.equal(response.status, 500);
      assert.equal(await codeOf(response), "body_consumed");
    }
  });

  test("Next.js: route handlers serve requests below any path", async (t) => {
    const registry = registryOf(t);
    const handlers = toNextHandler(registry);
    const call = (method: keyof typeof handlers, path: string, init: RequestInit = {}): Promise<Response> =>
      handlers[method](new Request(`http://localhost:3000/api/holdfast${path}`, { method, ...init }));
    const called = await call("POST", "/actors/counter/@a,/actions/increment?create=true", {
      headers: { "content-type": "application/json" },
      body: '{"args":[2]}',
    });
    assert.deepEqual(await called.json(), { output: 2 });
    const client = createClient<Registry<Actors>>({
      endpoint: "http://localhost:3000/api/holdfast",
      fetch: (input, init) => {
        const request = new Request(input, init);
        return handlers[request.method as keyof typeof handlers](request);
      },
    });
    t.after(() => client.dispose());
    await httpWorks(client);
    assert.equal((await call("GET", "/health")).status, 200);
    assert.equal((await call("GET", "/nothing")).status, 404);
    assert.equal((await call("PATCH", "/actors/mirror/~a,/request/x")).status, 200);
    assert.equal((await call("HEAD", "/actors/mirror/~a,/request/x")).body, null);
  });

  test("Next.js: route handlers below a path that ends with /actors", async (t) => {
    const registry = registryOf(t);
    const handlers = toNextHandler({
      isServerless: false,
      handler: (request) => registry.handler(request),
      start: () => registry.listen({ port: 0 }),
    });
    const client = createClient<Registry<Actors>>({
      endpoint: "http://localhost:3000/api/actors",
      fetch: (input, init) => {
        const request = new Request(input, init);
        return handlers[request.method as keyof typeof handlers](request);
      },
    });
    t.after(() => client.dispose());
    await httpWorks(client);
    const ask = (path: string) => handlers.GET(new Request(`http://localhost:3000/api/actors${path}`));
    assert.equal((await ask("/health")).status, 200);
    assert.equal((await ask("/actors/names")).status, 401, "there it is, for the bearer of a token");
    const { clientEndpoint } = (await (await ask("/metadata")).json()) as { clientEndpoint?: string };
    assert.match(clientEndpoint ?? "", /^http/);
  });

  test("a body that breaks off is told", async (t) => {
    const registry = registryOf(t);
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("the disk it came from is gone")),
    });
    const url = "http://localhost/actors/echo/~a,/actions/same";
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      duplex: "half" as const,
    };
    const response = await registry.handler(new Request(url, init));
    assert.deepEqual([response.status, await codeOf(response)], [499, "aborted"]);
  });

  test("Next.js: a client whose socket is not taken connects to where the registry listens", async (t) => {
    const registry = registryOf(t);
    let starts = 0;
    const start = () => {
      starts++;
      return registry.listen({ port: 0 });
    };
    const handlers = toNextHandler({
      ...{ start, isServerless: false },
      handler: (request) => registry.handler(request),
    });
    const server = createServer(async (request, response) => {
      const answer = await handlers.GET(new Request(`http://127.0.0.1${request.url}`));
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
    });
    server.on("upgrade", (_request, socket) => socket.destroy());
    const client = clientOf(t, await listening(t, server), "/api/holdfast");
    const conn = client.counter.getOrCreate(["live"]).connect();
    assert.equal(await conn.increment(2), 2);
    const other = client.counter.getOrCreate(["other"]).connect();
    assert.equal(await other.increment(1), 1);
    const own = await handlers.GET(new Request("http://here/api/actors/mirror/~a,/request/metadata"));
    assert.equal(await own.text(), "GET /metadata", "an actor answers for itself");
    assert.equal(starts, 1, "it is asked once");
  });

  test("the server in front decides which hosts it serves, unless `hosts` is given", async (t) => {
    const url = "https://app.example.com/api/holdfast";
    const ask = (registry: Registry<Actors>, path: string, init?: RequestInit): Promise<Response> =>
      registry.handler(new Request(url + path, init));
    const registry = registryOf(t);
    assert.equal((await ask(registry, "/health")).status, 200);
    const banner = await ask(registry, "/");
    assert.deepEqual([banner.status, banner.headers.get("content-type")?.split(";")[0]], [200, "text/plain"]);
    assert.equal((await ask(registry, "/", { method: "POST" })).status, 404);
    const ofOthers = await ask(registry, "/health", { headers: { origin: "https://evil.example" } });
    assert.deepEqual([ofOthers.status, await codeOf(ofOthers)], [403, "forbidden_origin"]);
    const open = storedRegistry(actors, temporaryDirectory(t), {
      origins: ["https://known.example", "*"],
      credentials: true,
    });
    t.after(() => open.shutdown());
    for (const origin of ["https://evil.example", "https://known.example", "null"]) {
      const answer = await ask(open, "/health", { headers: { origin } });
      assert.deepEqual([answer.status, answer.headers.get("access-control-allow-origin")], [200, origin]);
      const cookies = origin === "https://known.example" ? "true" : null;
      assert.equal(answer.headers.get("access-control-allow-credentials"), cookies);
    }
    const listed = storedRegistry(actors, temporaryDirectory(t), { hosts: ["app.example.com"] });
    t.after(() => listed.shutdown());
    assert.equal((await ask(listed, "/health")).status, 200);
    const unlisted = await listed.handler(new Request("https://example.com/health"));
    assert.deepEqual([unlisted.status, await codeOf(unlisted)], [403, "forbidden_host"]);
  });

  test("a name that was rebound to this machine does not manage a server that checks no host", async (t) => {
    const gateway = await registryOf(t).nodeGateway("");
    const port = await listening(
      t,
      createServer((request, response) => gateway.request(request, response)),
    );
    const ask = (host: string, path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get({ host: "127.0.0.1", port, path, headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on("error", reject);
      });
    assert.equal(await ask("evil.example", "/health"), 200);
    assert.equal(await ask("evil.example", "/metrics"), 401);
    assert.equal(await ask("localhost", "/metrics"), 200);
  });

  test("the predecessor's server: its client, an app of Hono, and its routes", async (t) => {
    const registry = registryOf(t);
    const { client, serve, hono } = registry.createServer();
    const app = new Hono();
    app.post("/increment/:name", async (c) => {
      const count = await client.counter.getOrCreate(c.req.param("name")).increment(1);
      return c.json({ count });
    });
    const before = process.env["PORT"];
    t.after(() => {
      if (before === undefined) delete process.env["PORT"];
      else process.env["PORT"] = before;
    });
    process.env["PORT"] = "0";
    const { port } = await serve(app);
    const counted = await fetch(`http://127.0.0.1:${port}/increment/x`, { method: "POST" });
    assert.deepEqual(await counted.json(), { count: 1 });
    for (const path of ["", "/registry"]) {
      assert.equal(await clientOf(t, port, path).counter.getOrCreate("x").get(), 1);
      const socket = await clientOf(t, port, path).sockets.getOrCreate(path).webSocket();
      assert.equal(socket.readyState, socket.OPEN);
      socket.close();
    }
    await socketsWork(clientOf(t, port, "/registry"));
    const mounted = new Hono().route("/registry", hono);
    const health = await mounted.request("http://localhost/registry/health");
    assert.deepEqual(await health.json(), { status: "ok", runtime: "holdfast", version: "0.1.0" });
  });
});
