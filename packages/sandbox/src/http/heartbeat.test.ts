import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { Heartbeat } from "./heartbeat.ts";

/** A request whose answer is not given yet, and the connection of its client. */
async function asked(t: TestContext) {
  const asked = Promise.withResolvers<ServerResponse>();
  const server = createServer((_, response) => asked.resolve(response)).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const socket = connect(address.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const response = await asked.promise;
  t.after(() => socket.destroy());
  return { socket, response };
}

test("an answer for a client that has gone is not begun", async (t) => {
  const { socket, response } = await asked(t);
  const closed = once(response, "close");
  socket.destroy();
  await closed;
  const heart = new Heartbeat(response, 15_000);
  t.after(() => heart.stop());
  heart.start();
  assert.equal(response.headersSent, false);
});

test("an answer that has begun lets what was sent on other connections be read first", async (t) => {
  const { response } = await asked(t);
  const heart = new Heartbeat(response, 15_000);
  t.after(() => heart.stop());
  let nowMs = 1_000;
  t.mock.method(performance, "now", () => nowMs);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const passed: string[] = [];
  const wait = (what: string, sentAt: number) => heart.comesAfter(sentAt).then(() => passed.push(what));
  await wait("not begun", nowMs);
  heart.start();
  const waits = [wait("behind the head", 0), wait("behind an event", nowMs + 5)];
  t.mock.timers.tick(9);
  await Promise.resolve();
  assert.deepEqual(passed, ["not begun"]);
  t.mock.timers.tick(1);
  await waits[0];
  assert.deepEqual(passed, ["not begun", "behind the head"]);
  t.mock.timers.tick(5);
  await waits[1];
  nowMs += 10;
  await wait("long begun", 0);
  assert.equal(passed.length, 4);
});
