import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { Heart } from "./heart.ts";

test("an answer for a client that has gone is not begun", async (t) => {
  const asked = Promise.withResolvers<ServerResponse>();
  const server = createServer((_, response) => asked.resolve(response)).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const socket = connect(address.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const response = await asked.promise;
  const closed = once(response, "close");
  socket.destroy();
  await closed;
  const heart = new Heart(response, 15_000);
  t.after(() => heart.stop());
  heart.start();
  assert.equal(response.headersSent, false);
});
