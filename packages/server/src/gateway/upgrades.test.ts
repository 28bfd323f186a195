import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { NodeGateway } from "./node-gateway.ts";
import { attachUpgrades } from "./upgrades.ts";

test("a client that is cut off before the gateway is open ends no process", async () => {
  const server = new EventEmitter();
  const opened = Promise.withResolvers<NodeGateway>();
  attachUpgrades(server, "/api", () => opened.promise);
  const socket = new PassThrough();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  server.emit("upgrade", { url: "/api/actors/room/@a,/connect" }, socket, Buffer.alloc(0));
  socket.destroy(new Error("read ECONNRESET"));
  await closed;
  const other = new PassThrough();
  server.emit("upgrade", { url: "/elsewhere" }, other, Buffer.alloc(0));
  assert.equal(other.listenerCount("error"), 0);
});
