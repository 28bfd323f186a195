import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { terminateTls } from "./tls-termination.ts";

test("a client that disconnects before its handshake is not waited for", async () => {
  const socket = new Socket();
  socket.destroy();
  const ended = terminateTls(socket, { key: "", cert: "" }, 5_000, () => assert.fail("nothing is inside"));
  await assert.rejects(ended, { code: "handshake_failed", message: /the client closed the connection/ });
});
