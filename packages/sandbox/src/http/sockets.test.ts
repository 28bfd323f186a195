import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { WebSocket } from "ws";
import { sendJson } from "./exchange.ts";
import { Guard } from "./guard.ts";
import { Metrics } from "./metrics.ts";
import { problem } from "./problem.ts";
import { type Route, Router } from "./router.ts";

/** Starts a server with these routes and the token "t". */
async function serve(t: TestContext, routes: readonly Route[]): Promise<{ port: number; router: Router }> {
  const guard = new Guard({ token: "t", hosts: ["127.0.0.1"], cors: { origins: ["https://app.example"] } });
  const router = new Router(routes, { guard, log: silentLogger, metrics: new Metrics() });
  const server = createServer(
    { shouldUpgradeCallback: (request) => router.isSocketUpgrade(request) },
    (request, response) => void router.handle(request, response),
  );
  server.on("upgrade", (request, socket, head) => void router.upgrade(request, socket, head));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    await router.close();
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return { port: address.port, router };
}

/** Attempts a handshake. Returns 101, or the status and body of the refusal. */
function attempt(url: string, options: { headers?: Record<string, string>; origin?: string } = {}) {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const socket = new WebSocket(url, options);
    socket.on("error", reject);
    socket.on("open", () => {
      socket.close();
      resolve({ status: 101, body: "" });
    });
    socket.on("unexpected-response", (_request, response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}

const echo: Route = {
  path: "/v1/echo/:id",
  methods: {},
  socket: async ({ accept, params, query }) => {
    if (params.id === "none") throw problem("not_found", 404, "there is no such thing");
    if (params.id === "lazy") return;
    const socket = await accept();
    socket.send(`${params.id} ${query}`);
    socket.on("message", (data) => socket.send(String(data)));
    if (params.id === "broken") throw problem("conflict", 409, "too late for an answer");
  },
};

const authorization = "Bearer t";

/** Sends raw bytes and returns the response. */
async function answerTo(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  socket.end(text.replaceAll("\n", "\r\n"));
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

test("an absolute-form target is routed by its path and checked by its host", async (t) => {
  const plain: Route = { path: "/plain", methods: { GET: ({ response }) => sendJson(response, 1) } };
  const { port } = await serve(t, [plain]);
  const status = async (target: string, host: string) =>
    (await answerTo(port, `GET ${target} HTTP/1.1\nHost: ${host}\nConnection: close\n\n`)).slice(9, 12);
  assert.equal(await status("http://127.0.0.1/plain?x=1", "127.0.0.1"), "200");
  assert.equal(await status("HTTP://127.0.0.1:1/plain", "evil.example"), "200");
  assert.equal(await status("http://evil.example/plain", "127.0.0.1"), "403");
  assert.equal(await status("http://127.0.0.1", "127.0.0.1"), "404");
});

test("an invalid handshake is refused with problem details", async (t) => {
  const { port } = await serve(t, [echo, { ...echo, path: "/v1/closes/:id", socketRefusal: "close" }]);
  for (const path of ["/v1/echo/a", "/v1/closes/a", "http://127.0.0.1/v1/echo/a"]) {
    const head = `GET ${path} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Bearer t`;
    const answer = await answerTo(port, `${head}\nUpgrade: websocket\nConnection: Upgrade\n\n`);
    const [top = "", body = ""] = answer.split("\r\n\r\n");
    assert.match(top, /^HTTP\/1\.1 400 .*content-type: application\/problem\+json/s, path);
    assert.match(body, /"type":"urn:sandbox-agent:error:invalid_request".*Sec-WebSocket-Key/);
  }
});

describe("WebSocket routes", () => {
  test("the token may be in the header or, for upgrades only, in the query", async (t) => {
    const { port } = await serve(t, [
      echo,
      { path: "/v1/plain", methods: { GET: ({ response }) => sendJson(response, 1) } },
    ]);
    const base = `ws://127.0.0.1:${port}/v1`;
    assert.equal((await attempt(`${base}/echo/a`)).status, 401);
    assert.equal((await attempt(`${base}/echo/a?access_token=no`)).status, 401);
    assert.equal((await attempt(`${base}/echo/a`, { headers: { authorization } })).status, 101);
    const socket = new WebSocket(`${base}/echo/a?access_token=t&x=1`);
    const [first] = await once(socket, "message");
    assert.equal(String(first), "a x=1", "the handler never sees the token");
    socket.close();
    const plain = await fetch(`http://127.0.0.1:${port}/v1/plain?access_token=t`);
    assert.equal(plain.status, 401);
    const lost = async (token: string) =>
      (await fetch(`http://127.0.0.1:${port}/v1/echo/a?access_token=${token}`)).status;
    assert.equal(await lost("t"), 400, "an upgrade whose headers were stripped gets an error of its own");
    assert.equal(await lost("no"), 401);
    const upgraded = await attempt(`${base}/plain`, { headers: { authorization } });
    assert.equal(upgraded.status, 200, "an upgrade of a route without a socket is a plain request");
    assert.equal((await attempt(`${base}/none`, { headers: { authorization } })).status, 404);
  });

  test("an error before the handshake is the response, an error after it closes the socket", async (t) => {
    const { port } = await serve(t, [echo]);
    const url = `ws://127.0.0.1:${port}/v1/echo`;
    const missing = await attempt(`${url}/none`, { headers: { authorization } });
    assert.equal(missing.status, 404);
    assert.equal(JSON.parse(missing.body).type, "urn:sandbox-agent:error:not_found");
    assert.equal((await attempt(`${url}/lazy`, { headers: { authorization } })).status, 500);
    const foreign = { headers: { authorization }, origin: "https://evil.example" };
    assert.equal((await attempt(`${url}/a`, foreign)).status, 403);
    assert.equal((await attempt(`${url}/a`, { ...foreign, origin: "https://app.example" })).status, 101);
    const broken = new WebSocket(`${url}/broken`, { headers: { authorization } });
    const [code, reason] = await once(broken, "close");
    assert.deepEqual([code, String(reason)], [1011, "sandbox.conflict"]);
    const plain = await fetch(`http://127.0.0.1:${port}/v1/echo/a`, { headers: { authorization } });
    assert.equal(plain.status, 400);
    const posted = await fetch(`http://127.0.0.1:${port}/v1/echo/a`, {
      method: "POST",
      headers: { authorization },
    });
    assert.deepEqual([posted.status, posted.headers.get("allow")], [405, "GET, HEAD"]);
  });

  test("a route for browsers refuses with a close frame", async (t) => {
    const { port } = await serve(t, [{ ...echo, socketRefusal: "close" }]);
    const closed = async (path: string) => {
      const [code, reason] = await once(new WebSocket(`ws://127.0.0.1:${port}/v1/echo/${path}`), "close");
      return [code, String(reason)];
    };
    assert.deepEqual(await closed("a"), [1008, "sandbox.token_invalid"]);
    assert.deepEqual(await closed("none?access_token=t"), [1008, "sandbox.not_found"]);
    assert.deepEqual(await closed("lazy?access_token=t"), [1011, "sandbox.internal_error"]);
  });

  test("closing ends open sockets and pending handshakes", async (t) => {
    let gone: AbortSignal | undefined;
    const asked = Promise.withResolvers<void>();
    const { port, router } = await serve(t, [
      echo,
      {
        path: "/v1/slow",
        methods: {},
        socket: async ({ signal }) => {
          gone = signal;
          asked.resolve();
          await once(signal, "abort");
        },
      },
    ]);
    const open = new WebSocket(`ws://127.0.0.1:${port}/v1/echo/a?access_token=t`);
    await once(open, "message");
    const slow = connect(port, "127.0.0.1");
    slow.on("error", () => {});
    slow.write(
      `GET /v1/slow?access_token=t HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    );
    await asked.promise;
    const closed = once(open, "close");
    const ended = once(slow, "close");
    await router.close();
    assert.deepEqual((await closed)[0], 1001);
    await ended;
    assert.equal(gone?.aborted, true);
  });
});
