import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { isErrorCode, silentLogger, systemPorts } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import { ClusterSecrets } from "../links/handshake.ts";
import { ServerlessPool } from "./pool.ts";
import { encodeEvent, encodeStart, readStart } from "./start-request.ts";

const secrets = new ClusterSecrets("the secret of the pool tests");
const ports = systemPorts(silentLogger);

/** A platform that answers with `listener`, and a pool that starts nodes there. */
async function poolAt(t: TestContext, listener: RequestListener, startTimeoutMs = 5_000) {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const time = { now: 0 };
  const pool = new ServerlessPool(
    { url, startTimeoutMs, headers: { "x-key": "of the platform" } },
    { node: "hub", secrets, ports, monotonic: () => time.now },
  );
  t.after(() => pool.close());
  return { pool, time };
}

const failedWith = (text: RegExp) => (error: unknown) =>
  isErrorCode(error, "cluster", "start_failed") && text.test(error.message);

test("several starts at a time are one request, whose node runs until the response ends", async (t) => {
  const asked: string[] = [];
  let end = (): void => undefined;
  const { pool } = await poolAt(t, (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers["x-key"]}`);
    response.writeHead(200);
    // In two pieces, as networks deliver them.
    const event = encodeEvent({ event: "started", node: "a" });
    response.write(event.subarray(0, 9));
    response.write(event.subarray(9));
    end = () => response.end();
  });
  await Promise.all([pool.start(), pool.start()]);
  assert.deepEqual(asked, ["POST /start of the platform"]);
  const node = { id: "a", draining: false, weight: 1 } as never;
  assert.equal(pool.runningIn([node]), "a");
  assert.equal(pool.runningIn([{ id: "a", draining: true, weight: 1 } as never]), undefined);
  end();
  while (pool.runningIn([node]) !== undefined) await new Promise((resolve) => setImmediate(resolve));
});

test("a start that fails says why, and is not tried again at once", async (t) => {
  let requests = 0;
  const { pool, time } = await poolAt(t, (_request, response) => {
    requests++;
    response.writeHead(500).end('{"message":"no memory"}');
  });
  await assert.rejects(pool.start(), failedWith(/answered 500 \(no memory\)/));
  await assert.rejects(pool.start(), failedWith(/answered 500/));
  assert.equal(requests, 1);
  time.now += 1_000;
  await assert.rejects(pool.start(), failedWith(/answered 500/));
  assert.equal(requests, 2);
});

test("a connection that the platform closes as it is used again fails no start", async (t) => {
  let closes = 2;
  const { pool } = await poolAt(t, (request, response) => {
    if (closes-- > 0) return void request.socket.destroy();
    response.writeHead(200).write(encodeEvent({ event: "started", node: "a" }));
  });
  await pool.start();
  assert.equal(pool.runningIn([{ id: "a", draining: false, weight: 1 } as never]), "a");
  const { pool: closed } = await poolAt(t, (request) => request.socket.destroy());
  await assert.rejects(closed.start(), failedWith(/fetch failed/));
});

test("a platform that does not answer yet holds up no call that comes when it does", async (t) => {
  let isUp = false;
  const { pool } = await poolAt(t, (_request, response) => {
    if (isUp) response.end('{"actorNames":{"counter":{}}}');
    else response.writeHead(502).end();
  });
  assert.equal(await pool.learn(), false);
  isUp = true;
  assert.equal(await pool.has("counter"), true);
});

test("what is not a platform with a registry is told", async (t) => {
  const page = await poolAt(t, (_request, response) => response.end('{"hello":1}'));
  await assert.rejects(page.pool.has("counter"), failedWith(/names no actors/));
  const silent = await poolAt(t, () => undefined, 50);
  await assert.rejects(silent.pool.start(), failedWith(/did not answer within 50 ms/));
  const short = await poolAt(t, (_request, response) => response.end());
  await assert.rejects(short.pool.start(), failedWith(/ended before a node was started/));
  const elsewhere = await poolAt(t, (_request, response) => {
    response.writeHead(307, { location: "http://127.0.0.1:1/" }).end();
  });
  await assert.rejects(elsewhere.pool.start(), failedWith(/redirect/));
});

test("names of actors are asked for again when an unknown one is sought", async (t) => {
  const actorNames: Record<string, object> = { counter: {} };
  let requests = 0;
  const { pool, time } = await poolAt(t, (_request, response) => {
    requests++;
    response.end(JSON.stringify({ actorNames }));
  });
  assert.equal(await pool.has("counter"), true);
  assert.equal(await pool.has("chat"), false);
  assert.equal(requests, 1);
  actorNames["chat"] = {};
  time.now += 10_000;
  assert.equal(await pool.has("chat"), true);
});

test("a start request is checked before anything is opened", async () => {
  const { now } = ports.clock;
  const start = { node: "hub", pool: "default", lifespanMs: 60_000, graceMs: 1_000, issuedAt: now() };
  const post = (given: { readonly body: string; readonly headers: Readonly<Record<string, string>> }) =>
    new Request("http://localhost/start", { method: "POST", ...given });
  const good = encodeStart(start, secrets);
  assert.deepEqual(await readStart(post(good), secrets, now()), { protocol: 1, ...start });

  const refusedWith = (group: string, code: string, statusCode: number) => (error: unknown) =>
    isErrorCode(error, group, code) && error.statusCode === statusCode;
  const other = new ClusterSecrets("another secret of a cluster");
  await assert.rejects(readStart(post(good), other, now()), refusedWith("cluster", "secret_mismatch", 401));
  const changed = { ...good, body: good.body.replace("default", "another") };
  await assert.rejects(
    readStart(post(changed), secrets, now()),
    refusedWith("cluster", "secret_mismatch", 401),
  );
  await assert.rejects(
    readStart(post(good), secrets, now() + 300_001),
    refusedWith("cluster", "invalid_start", 400),
  );
  const long = (bytes: number) => readStart(post({ ...good, body: " ".repeat(bytes) }), secrets, now());
  const { maxStartBytes } = serverLimits;
  await assert.rejects(long(maxStartBytes), refusedWith("cluster", "secret_mismatch", 401));
  await assert.rejects(long(maxStartBytes + 1), refusedWith("message", "incoming_too_long", 413));
});
