import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import type { NodeGateway } from "../http/node-gateway.ts";
import { attachUpgrades, type Mount } from "./upgrades.ts";

const never = (): Promise<NodeGateway> => Promise.reject(new Error("it is not for this registry"));

function mountAt(basePath: string, open: () => Promise<NodeGateway>): Mount {
  return { basePath, open, rivetClients: true };
}

test("a reset connection does not end the process, neither before the gateway is open nor for other paths", async () => {
  for (const url of ["/api/actors/room/@a,/connect", "/elsewhere"]) {
    const server = new EventEmitter();
    const opened = Promise.withResolvers<NodeGateway>();
    attachUpgrades(
      server,
      mountAt("/api", () => opened.promise),
    );
    const socket = new PassThrough();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    server.emit("upgrade", { url, headers: {} }, socket, Buffer.alloc(0));
    socket.destroy(new Error("read ECONNRESET"));
    await closed;
  }
});

test("an upgrade for an unknown path is refused", async (t) => {
  const { server, ask } = await listening(t);
  attachUpgrades(server, mountAt("/api", never));
  attachUpgrades(server, mountAt("/more", never));
  assert.match(await ask("/elsewhere"), /^HTTP\/1\.1 404 /);
  assert.match(await ask("/api/actors/room/@a,/connect"), /^HTTP\/1\.1 503 /);
  assert.match(await ask("/more/actors/room/@a,/connect"), /^HTTP\/1\.1 503 /);
});

test("an upgrade for another listener is left to it", async (t) => {
  const { server, ask } = await listening(t);
  attachUpgrades(server, mountAt("/api", never));
  const errors: number[] = [];
  server.on("upgrade", (_request, socket) => {
    errors.push(socket.listenerCount("error"));
    socket.on("error", () => undefined);
    socket.end("mine");
  });
  assert.equal(await ask("/elsewhere"), "mine");
  assert.deepEqual(errors, [0]);
});

test("a registry can be attached again after its listener was removed", async (t) => {
  const { server, ask } = await listening(t);
  attachUpgrades(server, mountAt("/api", never));
  server.removeAllListeners("upgrade");
  attachUpgrades(server, mountAt("/api", never));
  assert.match(await ask("/api/actors/room/@a,/connect"), /^HTTP\/1\.1 503 /);
});

/** A server, and its answer to a client that requests an upgrade and then resets the connection. */
async function listening(t: TestContext) {
  const server = createServer();
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string): Promise<string> => {
    const asking = connect(port, "127.0.0.1");
    sockets.push(asking);
    const arrived = once(server, "connection");
    asking.write(
      `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const [theirs] = (await arrived) as [Socket];
    const closed = new Promise((resolve) => theirs.once("close", resolve));
    const [answer] = (await once(asking, "data")) as [Buffer];
    asking.resetAndDestroy();
    await closed;
    return answer.toString();
  };
  return { server, ask };
}
