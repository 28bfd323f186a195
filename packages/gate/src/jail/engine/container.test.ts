import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import type { Jail } from "../jail.ts";
import { startContainer } from "./container.ts";
import { EngineClient } from "./engine-client.ts";

const mebibyte = 1024 * 1024;
/** The first process of each container; higher than any pid of a kernel. */
const pid = 2 ** 22 + 1;

/** Output of a container on stdout (1) or stderr (2), as the engine delivers it. */
function said(output: 1 | 2, bytes: Buffer | string): Buffer {
  const body = Buffer.from(bytes);
  const head = Buffer.alloc(8);
  head[0] = output;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
}

interface Container {
  readonly jail: Jail;
  /** Its outputs, as the engine writes them. */
  readonly outputs: Socket;
  /** Has it end with this code, as if of itself; SIGKILL does so with 137. */
  end(code: number): void;
}

/** A jail in a container of an engine that is this test, and answers questions about it with an error at first. */
async function startOne(t: TestContext, errors = 0): Promise<Container> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-engine-"));
  const attached: Socket[] = [];
  const waiting: ServerResponse[] = [];
  const end = (code: number) => {
    for (const socket of attached) socket.end();
    for (const response of waiting) response.end(JSON.stringify({ StatusCode: code }));
  };
  let questions = 0;
  const server = createServer((request, response) => {
    if (request.url?.endsWith("/json") === true && questions++ < errors) {
      response.writeHead(500, { "content-type": "application/json" });
      return void response.end(JSON.stringify({ message: "timed out" }));
    }
    response.writeHead(200, { "content-type": "application/json" });
    if (request.url?.endsWith("/wait") === true) return void waiting.push(response);
    response.end(JSON.stringify({ State: { Pid: pid } }));
    if (request.url?.endsWith("signal=SIGKILL") === true) end(137);
  });
  server.on("upgrade", (_request, socket: Socket) => {
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    socket.on("error", () => {});
    attached.push(socket);
  });
  const socketPath = join(directory, "engine.sock");
  server.listen(socketPath);
  await once(server, "listening");
  const client = new EngineClient(socketPath);
  t.after(() => {
    client.close();
    server.close();
    server.closeAllConnections();
    for (const socket of attached) socket.destroy();
    rmSync(directory, { recursive: true });
  });
  const spec = { id: "j", command: "c", args: [], cwd: "/", env: {}, mounts: [], network: "none" } as const;
  const jail = await startContainer({ client, spec, container: "c", isPodman: false, onExit: () => {} });
  const [outputs] = attached;
  assert.ok(outputs !== undefined);
  return { jail, outputs, end };
}

const soon = { timeout: 20_000 };

test("a container with unread output can be stopped, and ends by itself", soon, async (t) => {
  const [stopped, ended] = [await startOne(t), await startOne(t)];
  for (const { outputs } of [stopped, ended]) outputs.write(said(1, Buffer.alloc(3 * mebibyte)));
  assert.equal((await stopped.jail.stop({ graceMs: 0 })).reason, "stopped");
  ended.end(3);
  assert.deepEqual(await ended.jail.exited, { code: 3, signal: null, reason: "exited" });
  // Whoever comes late finds all of it.
  assert.equal((await buffer(ended.jail.stdout)).length, 3 * mebibyte);
});

test("destroying one output of a container leaves the other readable to its end", soon, async (t) => {
  const { jail, outputs, end } = await startOne(t);
  outputs.write(said(1, Buffer.alloc(mebibyte)));
  await once(jail.stdout, "readable");
  jail.stdout.destroy();
  outputs.write(said(1, Buffer.alloc(mebibyte)));
  outputs.write(said(2, "last words"));
  const words = text(jail.stderr);
  outputs.write("", () => end(0));
  assert.equal(await words, "last words");
  assert.equal((await jail.exited).reason, "exited");
});

test("an engine that is busy is asked again for the first process of a container", soon, async (t) => {
  const { jail, end } = await startOne(t, 2);
  assert.equal(jail.pid, pid);
  end(0);
  assert.equal((await jail.exited).reason, "exited");
});
