import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import type { EgressLimits } from "../src/egress/egress-limits.ts";
import { egressLimits } from "../src/egress/egress-limits.ts";
import { isRepeatable, UpstreamConnections } from "../src/egress/proxy/upstream-connections.ts";
import { ask, codeOf, openProxy } from "./egress-support.ts";
import { eventually } from "./support.ts";

interface Upstream {
  readonly server: Server;
  readonly baseUrl: string;
  /** Every connection that was made. */
  readonly sockets: Socket[];
}

async function upstream(t: TestContext, answer: RequestListener): Promise<Upstream> {
  // Longer than the proxy keeps any connection: who closes one is then known.
  const server = createServer({ keepAliveTimeout: 60_000 }, answer);
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, sockets, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const plain: RequestListener = (request, response) => {
  request.resume();
  request.once("end", () => response.end("{}"));
};

const models = "/model/v1/models";
const long: Partial<EgressLimits> = { upstreamKeepAliveMs: 60_000 };

test("repeatable requests share a connection, and others have one each", async (t) => {
  const { baseUrl, sockets } = await upstream(t, plain);
  const { proxy } = await openProxy(t, { baseUrl }, long);
  for (let n = 0; n < 3; n++) assert.equal((await ask(proxy, "GET", models)).status, 200);
  assert.equal(sockets.length, 1, "one connection for three requests");
  for (let n = 0; n < 2; n++) {
    assert.equal((await ask(proxy, "POST", "/model/v1/messages", { body: "{}" })).status, 200);
  }
  assert.equal(sockets.length, 3, "a connection for each request with a body");
  const withBody = await ask(proxy, "GET", models, { headers: { "content-length": "2" }, body: "{}" });
  assert.equal(withBody.status, 200);
  assert.equal(sockets.length, 4, "also where the method is one that could be repeated");
});

test("jails share no connection, and one that closes its proxy leaves none behind", async (t) => {
  const { baseUrl, sockets } = await upstream(t, plain);
  const [first, second] = [await openProxy(t, { baseUrl }, long), await openProxy(t, { baseUrl }, long)];
  await ask(first.proxy, "GET", models);
  await ask(second.proxy, "GET", models);
  assert.equal(sockets.length, 2);
  const closed = sockets.slice(0, 1).map((socket) => once(socket, "close"));
  await first.proxy.close();
  await Promise.all(closed);
  assert.equal(sockets[1]?.destroyed, false);
});

test("a request on a pooled connection that its upstream closes is retried on a fresh one", async (t) => {
  let asked = 0;
  const { baseUrl, sockets } = await upstream(t, (request, response) => {
    asked += 1;
    // The second request on a connection arrives just as it is closed.
    if (asked === 2) request.socket.destroy();
    else response.end("{}");
  });
  const { proxy, audit } = await openProxy(t, { baseUrl }, long);
  assert.equal((await ask(proxy, "GET", models)).status, 200);
  assert.equal((await ask(proxy, "GET", models)).status, 200);
  assert.deepEqual([asked, sockets.length], [3, 2]);
  const records = await audit.query();
  assert.equal(records.filter(({ type }) => type === "egress.request").length, 2, "one record a request");
});

test("a request is not retried when the upstream closes a fresh connection", async (t) => {
  let asked = 0;
  const { baseUrl } = await upstream(t, (request) => {
    asked += 1;
    request.socket.destroy();
  });
  const { proxy } = await openProxy(t, { baseUrl }, long);
  assert.equal((await ask(proxy, "GET", models)).status, 502);
  assert.equal((await ask(proxy, "POST", "/model/v1/messages", { body: "{}" })).status, 502);
  assert.equal(asked, 2);
});

test("ten thousand connections of one jail are bounded, and leave another's as they were", async (t) => {
  const { baseUrl } = await upstream(t, plain);
  const [crowded, calm] = [await openProxy(t, { baseUrl }), await openProxy(t, { baseUrl })];
  const open = new Set<Socket>();
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  for (let crowd = 0; crowd < 10; crowd++) {
    for (let n = 0; n < 1_000; n++) {
      const socket = createConnection(crowded.proxy.socketPath);
      open.add(socket);
      // Refused where more wait to be accepted than the system queues.
      socket.on("error", () => {});
      socket.once("close", () => open.delete(socket));
    }
    assert.equal((await ask(calm.proxy, "GET", models)).status, 200);
    const { maxConnections } = egressLimits;
    await eventually("what is too much is closed", async () => open.size <= maxConnections);
  }
  for (const socket of open) socket.destroy();
  await eventually("there is room again", async () => {
    const answer = await ask(crowded.proxy, "GET", models).catch(() => undefined);
    return answer?.status === 200;
  });
});

test("idle connections are bounded by the limit", async (t) => {
  const held: (() => void)[] = [];
  const { baseUrl, sockets, server } = await upstream(t, (_request, response) => {
    held.push(() => response.end("{}"));
    if (held.length === 3) for (const answer of held) answer();
  });
  const { proxy } = await openProxy(t, { baseUrl }, { ...long, maxIdleUpstreams: 2 });
  const ended: Promise<unknown>[] = [];
  server.on("connection", (socket) => ended.push(once(socket, "close")));
  await Promise.all([1, 2, 3].map(() => ask(proxy, "GET", models)));
  await Promise.race(ended);
  assert.deepEqual([sockets.length, sockets.filter(({ destroyed }) => destroyed).length], [3, 1]);
});

test("an idle connection is closed after its timeout", async (t) => {
  const { baseUrl, sockets } = await upstream(t, plain);
  const { proxy } = await openProxy(t, { baseUrl }, { upstreamKeepAliveMs: 50 });
  await ask(proxy, "GET", models);
  const [socket] = sockets;
  assert.ok(socket);
  if (!socket.destroyed) await once(socket, "close");
});

test("a pooled connection is reused only for the addresses that were checked for it", (t) => {
  const connections = new UpstreamConnections(egressLimits);
  t.after(() => connections.close());
  for (const protocol of ["http:", "https:"]) {
    const { pooled, fresh } = connections.agents(protocol);
    const name = (addresses?: readonly string[]) => {
      const options = { host: "a.example", port: 1, ...(addresses === undefined ? {} : { addresses }) };
      return pooled.getName(options);
    };
    assert.equal(name(["192.0.2.2", "192.0.2.1"]), name(["192.0.2.1", "192.0.2.2"]));
    assert.notEqual(name(["192.0.2.1"]), name(["192.0.2.2"]));
    assert.notEqual(name(["192.0.2.1"]), name());
    assert.equal(pooled.maxFreeSockets, egressLimits.maxIdleUpstreams);
    assert.notEqual(pooled, fresh);
    assert.equal(connections.agents(protocol).pooled, pooled);
  }
});

test("a repeatable request changes nothing, has no body and no expect header", () => {
  const may = (method: string, headers: IncomingMessage["headers"] = {}) =>
    isRepeatable({ method, headers } as IncomingMessage);
  assert.deepEqual([may("GET"), may("HEAD"), may("GET", { "content-length": "0" })], [true, true, true]);
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"]) {
    assert.equal(may(method, { "content-length": "0" }), false, method);
  }
  for (const headers of [
    { "content-length": "2" },
    { "transfer-encoding": "chunked" },
    { expect: "100-continue" },
  ]) {
    assert.equal(may("GET", headers), false, JSON.stringify(headers));
  }
});

test("a client that disconnects cancels its request to the upstream", async (t) => {
  const { baseUrl, server } = await upstream(t, () => {});
  const { proxy } = await openProxy(t, { baseUrl }, long);
  for (const [method, path] of [
    ["GET", models],
    ["POST", "/model/v1/messages"],
  ] as const) {
    const arrived = once(server, "request") as Promise<[IncomingMessage]>;
    const request = httpRequest({ socketPath: proxy.socketPath, method, path, agent: false });
    request.on("error", () => {});
    request.end();
    const [{ socket }] = await arrived;
    const closed = once(socket, "close");
    request.destroy();
    await closed;
  }
});

test("nothing is sent for a client that disconnected before", async (t) => {
  const { baseUrl, sockets } = await upstream(t, plain);
  const [recorded, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { proxy, audit } = await openProxy(t, { baseUrl, outside: true }, long, () => {
    recorded.resolve();
    return released.promise;
  });
  const responses: ServerResponse[] = [];
  const keep = (message: unknown) => responses.push(Reflect.get(Object(message), "response"));
  subscribe("http.server.request.start", keep);
  t.after(() => unsubscribe("http.server.request.start", keep));
  const request = httpRequest({ socketPath: proxy.socketPath, path: models, agent: false });
  request.on("error", () => {});
  request.end();
  await recorded.promise;
  const [response] = responses;
  assert.ok(response);
  const left = once(response, "close");
  request.destroy();
  await left;
  released.resolve();
  const ended = async () => (await audit.query()).find(({ type }) => type === "egress.response");
  await eventually("the request is over", async () => (await ended()) !== undefined);
  assert.equal((await ended())?.data?.["error"], "egress.client_gone");
  assert.equal(sockets.length, 0);
});

test("each of several requests on one connection is answered, whenever they come", async (t) => {
  const waiting: (() => void)[] = [];
  const arrivals = new EventEmitter();
  const { baseUrl } = await upstream(t, (request, response) => {
    request.resume();
    waiting.push(() => response.end(request.url));
    arrivals.emit("one");
  });
  const { proxy } = await openProxy(t, { baseUrl }, long);
  const socket = createConnection(proxy.socketPath);
  t.after(() => socket.destroy());
  const send = (name: string) => socket.write(`GET ${models}/${name} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  const answered = async (name: string) => {
    for (;;) {
      const { value, done } = await answers.next();
      assert.notEqual(done, true, `${name} has no answer`);
      if (String(value).includes(`/v1/models/${name}`)) return;
    }
  };
  send("first");
  send("second");
  while (waiting.length < 2) await once(arrivals, "one");
  waiting.shift()?.();
  await answered("first");
  const third = once(arrivals, "one", { signal: AbortSignal.timeout(5_000) });
  send("third");
  await third;
  for (const answer of waiting.splice(0)) answer();
  await answered("second");
  await answered("third");
});

test("a silent upstream times out, on pooled and fresh connections", async (t) => {
  const { baseUrl } = await upstream(t, (request) => void request.resume());
  const { proxy } = await openProxy(t, { baseUrl }, { ...long, upstreamIdleMs: 50 });
  for (const [method, path] of [
    ["GET", models],
    ["POST", "/model/v1/messages"],
  ] as const) {
    const reply = await ask(proxy, method, path);
    assert.deepEqual([reply.status, codeOf(reply)], [504, "upstream_timed_out"], method);
  }
});
