import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { Heartbeat } from "./heartbeat.ts";

/** Returns a pending response and the socket of its client. */
async function pendingResponse(t: TestContext) {
  const arrived = Promise.withResolvers<ServerResponse>();
  const server = createServer((_, response) => arrived.resolve(response)).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const socket = connect(address.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const response = await arrived.promise;
  t.after(() => socket.destroy());
  return { socket, response };
}

test("no response starts for a client that has disconnected", async (t) => {
  const { socket, response } = await pendingResponse(t);
  const closed = once(response, "close");
  socket.destroy();
  await closed;
  const heartbeat = new Heartbeat(response, 15_000);
  t.after(() => heartbeat.stop());
  heartbeat.start();
  assert.equal(response.headersSent, false);
});

test("a started response waits until the client can read what other connections sent", async (t) => {
  const { response } = await pendingResponse(t);
  const heartbeat = new Heartbeat(response, 15_000);
  t.after(() => heartbeat.stop());
  let nowMs = 1_000;
  t.mock.method(performance, "now", () => nowMs);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const resolved: string[] = [];
  const wait = (what: string, sentAt: number) =>
    heartbeat.waitForDelivery(sentAt).then(() => resolved.push(what));
  await wait("not started", nowMs);
  heartbeat.start();
  const waits = [wait("after the head", 0), wait("after an event", nowMs + 5)];
  t.mock.timers.tick(9);
  await Promise.resolve();
  assert.deepEqual(resolved, ["not started"]);
  t.mock.timers.tick(1);
  await waits[0];
  assert.deepEqual(resolved, ["not started", "after the head"]);
  t.mock.timers.tick(5);
  await waits[1];
  nowMs += 10;
  await wait("started long before", 0);
  assert.equal(resolved.length, 4);
});
