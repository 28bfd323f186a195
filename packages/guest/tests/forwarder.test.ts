import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { type Forwarder, startForwarder } from "@holdfast/guest";

async function listen(
  t: TestContext,
  serve: (socket: Socket) => void,
): Promise<{ path: string; server: Server }> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-guest-"));
  const path = join(directory, "egress.sock");
  const server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { path, server };
}

async function forward(t: TestContext, socketPath: string, maxConnections?: number): Promise<Forwarder> {
  const forwarder = await startForwarder({
    port: 0,
    socketPath,
    ...(maxConnections === undefined ? {} : { maxConnections }),
  });
  t.after(() => forwarder.close());
  return forwarder;
}

const connect = (port: number) => createConnection({ port, host: "127.0.0.1", allowHalfOpen: true });
/** A client that ends when it is ended. */
const plain = (port: number) => createConnection({ port, host: "127.0.0.1" });
const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));

describe("the forwarder", () => {
  test("carries bytes both ways unchanged, also after one side has ended", async (t) => {
    const { path } = await listen(t, async (socket) => {
      const received = await buffer(socket);
      socket.end(createHash("sha256").update(received).digest("hex"));
    });
    const { port } = await forward(t, path);
    const sent = randomBytes(5_000_000);
    const client = connect(port);
    client.end(sent);
    assert.equal(await text(client), createHash("sha256").update(sent).digest("hex"));
  });

  test("takes no more than it can hand on", async (t) => {
    const accepted = Promise.withResolvers<Socket>();
    const { path } = await listen(t, (socket) => {
      socket.pause();
      accepted.resolve(socket);
    });
    const { port } = await forward(t, path);
    const client = connect(port);
    const total = 64 * 1024 * 1024;
    const chunk = Buffer.alloc(256 * 1024);
    let taken = 0;
    const give = () => {
      while (taken < total) {
        taken += chunk.length;
        if (!client.write(chunk)) {
          client.once("drain", give);
          return;
        }
      }
      client.end();
    };
    give();
    const reader = await accepted.promise;
    // The writer stands still once every buffer on the way is full.
    for (let last = -1; last !== taken; await new Promise((resolve) => setTimeout(resolve, 100)))
      last = taken;
    assert.ok(taken < total / 2, `${taken} bytes were taken for a reader that does not read`);
    let received = 0;
    for await (const part of reader) received += (part as Buffer).length;
    assert.equal(received, total);
    reader.end();
  });

  test("ends the connection when the host does not listen or goes away", async (t) => {
    const { port } = await forward(t, "/no/such/egress.sock");
    const refused = plain(port);
    refused.on("error", () => {});
    refused.resume();
    await closed(refused);
    const { path } = await listen(t, (socket) => socket.destroy());
    const cut = plain((await forward(t, path)).port);
    cut.on("error", () => {});
    cut.resume();
    cut.end("hello");
    await closed(cut);
  });

  test("is bounded, and has no connection left after close", async (t) => {
    const held = new Set<Socket>();
    const { path } = await listen(t, (socket) => {
      held.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => held.delete(socket));
      socket.once("end", () => socket.end()).resume();
      socket.write("hello");
    });
    const forwarder = await forward(t, path, 2);
    const clients = [0, 1, 2].map(() => plain(forwarder.port));
    for (const client of clients) client.on("error", () => {});
    const outcomes = await Promise.all(
      clients.map(
        (client) =>
          new Promise<string>((resolve) => {
            client.once("data", (chunk) => resolve(String(chunk)));
            client.once("close", () => resolve("closed"));
          }),
      ),
    );
    assert.deepEqual(outcomes.sort(), ["closed", "hello", "hello"]);
    const ends = clients.filter((client) => !client.destroyed).map((client) => closed(client.resume()));
    const gone = [...held].map((socket) => closed(socket));
    await forwarder.close();
    await Promise.all([...ends, ...gone]);
    await forwarder.close();
  });

  test("listens on the loopback only, and says when the port is taken", async (t) => {
    const { path } = await listen(t, () => {});
    const { port } = await forward(t, path);
    await assert.rejects(startForwarder({ port, socketPath: path }), { code: "EADDRINUSE" });
  });
});
