import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { frameMessage, maxFramedBytes } from "./message-frame.ts";

test("a framed message is read back by a client, for every form of the length", async (t) => {
  const messages = [0, 1, 125, 126, 127, 255, 256, maxFramedBytes - 1, maxFramedBytes].flatMap((size) => [
    new Uint8Array(size).fill(7),
    "x".repeat(size),
  ]);
  messages.push("\u00e4\u{1f600}".repeat(21));
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on("upgrade", (request, duplex, head) => {
    sockets.handleUpgrade(request, duplex, head, (webSocket) => {
      for (const message of messages) {
        duplex.write(frameMessage(message));
        // Frames of the WebSocket library go between them.
        webSocket.send("between");
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => {
    client.terminate();
    server.close();
  });
  const received: (Uint8Array | string)[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.on("error", reject);
  client.on("message", (data: Buffer, isBinary) => {
    received.push(isBinary ? new Uint8Array(data) : data.toString());
    if (received.length === 2 * messages.length) resolve();
  });
  await promise;
  assert.deepEqual(
    received,
    messages.flatMap((message) => [message, "between"]),
  );
});

test("a message that is too long for a short head is not copied", () => {
  assert.equal(frameMessage(new Uint8Array(maxFramedBytes + 1)), undefined);
  assert.equal(frameMessage("x".repeat(maxFramedBytes + 1)), undefined);
  assert.equal(frameMessage("\u00e4".repeat((maxFramedBytes + 1) / 2)), undefined);
});
