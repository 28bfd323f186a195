import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { SandboxClient } from "@holdfast/sandbox-client";
import { type DialHostOptions, fetchOver, listenForDial } from "@holdfast/sandbox-client/node";
import { WebSocket } from "ws";
import { createSandboxServer } from "../src/index.ts";
import { field, temporary, until } from "./harness.ts";

async function host(t: TestContext, options: DialHostOptions = {}) {
  const directory = await temporary(t);
  const socketPath = join(directory, "run", "control.sock");
  const listening = await listenForDial(socketPath, options);
  t.after(() => listening.close());
  const client = () => SandboxClient.connect({ fetch: fetchOver(listening.agent), skipHealthCheck: true });
  return { directory, socketPath, listening, client };
}

describe("a server that dials out", () => {
  test("a signal ends a start that waits for its host", async (t) => {
    const socketPath = join(await temporary(t), "nobody.sock");
    const program = `
      import { runSandboxServer } from ${JSON.stringify(new URL("../src/main.ts", import.meta.url))};
      const before = process.listenerCount("SIGTERM");
      const running = runSandboxServer(["--dial", ${JSON.stringify(socketPath)}]);
      while (process.listenerCount("SIGTERM") === before) await new Promise(setImmediate);
      process.kill(process.pid, "SIGTERM");
      process.exitCode = await running;
    `;
    const options = { timeout: 30_000, killSignal: "SIGKILL" } as const;
    await new Promise<void>((resolve, reject) => {
      execFile(process.execPath, ["--input-type=module", "--eval", program], options, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  });

  test("two idle connections are always ready, and many requests run concurrently", async (t) => {
    const { socketPath, listening, client, directory } = await host(t);
    const server = await createSandboxServer({ listen: { dial: socketPath }, home: directory });
    t.after(() => server.close());
    await listening.ready(60_000);
    await until("two are ready", () => listening.connections === 2);
    const sandbox = await client();
    const stop = new AbortController();
    const runs = Array.from({ length: 10 }, () =>
      sandbox.run({ command: "sleep", args: ["20"] }, { signal: stop.signal }).catch(() => {}),
    );
    await until("ten are used and two ready", () => listening.connections === 12);
    assert.deepEqual(await sandbox.health(), { status: "ok" });
    stop.abort();
    await Promise.all(runs);
    await until("the surplus is given back", () => listening.connections <= 10);
    for (let index = 0; index < 50; index += 1) assert.deepEqual(await sandbox.health(), { status: "ok" });
  });

  test("a burst of short requests waits for no connection", async (t) => {
    const { socketPath, listening, client, directory } = await host(t, { connectTimeoutMs: 2_000 });
    const server = await createSandboxServer({ listen: { dial: socketPath }, home: directory });
    t.after(() => server.close());
    await listening.ready(60_000);
    const sandbox = await client();
    // Each request has a connection of its own to wait for, while those of answered ones are idle.
    for (let round = 0; round < 3; round += 1)
      await Promise.all(Array.from({ length: 60 }, () => sandbox.health()));
  });

  test("a WebSocket occupies its connection, and another one is dialled", async (t) => {
    const { socketPath, listening, client, directory } = await host(t, { connectTimeoutMs: 2_000 });
    const server = await createSandboxServer({ listen: { dial: socketPath }, home: directory });
    t.after(() => server.close());
    const sandbox = await client();
    const created = await fetchOver(listening.agent)("http://sandbox/v1/processes", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command: "cat", tty: true }),
    });
    const id = field(await created.json(), "id");
    for (let index = 0; index < 4; index += 1) {
      const socket = new WebSocket(`ws://sandbox/v1/processes/${id}/terminal/ws`, { agent: listening.agent });
      t.after(() => socket.terminate());
      await once(socket, "open");
    }
    assert.deepEqual(await sandbox.health(), { status: "ok" });
  });

  test("it dials again after the host returns", async (t) => {
    const { socketPath, listening, directory } = await host(t);
    const server = await createSandboxServer({ listen: { dial: socketPath }, home: directory });
    t.after(() => server.close());
    await listening.close();
    const again = await listenForDial(socketPath);
    t.after(() => again.close());
    const sandbox = await SandboxClient.connect({ fetch: fetchOver(again.agent) });
    assert.deepEqual(await sandbox.health(), { status: "ok" });
  });

  test("it can start before the host listens", async (t) => {
    const directory = await temporary(t);
    const socketPath = join(directory, "run", "control.sock");
    const starting = createSandboxServer({ listen: { dial: socketPath }, home: directory });
    const listening = await listenForDial(socketPath);
    t.after(() => listening.close());
    await listening.ready(60_000);
    await (await starting).close();
  });

  test("a sandbox that never dials is reported, also to callers waiting when the host closes", async (t) => {
    const { client, listening } = await host(t, { connectTimeoutMs: 100 });
    const sandbox = await client();
    await assert.rejects(sandbox.health(), (error) => {
      assert.ok(isErrorCode(error, "sandbox", "unreachable"), String(error));
      assert.match(error.message, /has not connected within 100 ms/);
      return true;
    });
    await assert.rejects(listening.ready(50), (error) => isErrorCode(error, "sandbox", "not_dialled"));
    const waiting = assert.rejects(listening.ready(60_000), (error) =>
      isErrorCode(error, "sandbox", "host_closed"),
    );
    await listening.close();
    await waiting;
  });

  test("the socket is private, and a directory accessible to others is rejected", async (t) => {
    const { socketPath, directory } = await host(t);
    assert.equal((await stat(socketPath)).mode & 0o777, 0o600);
    assert.equal((await stat(join(directory, "run"))).mode & 0o777, 0o700);
    await chmod(directory, 0o755);
    await assert.rejects(listenForDial(join(directory, "x.sock")), (error) =>
      isErrorCode(error, "sandbox", "unsafe_directory"),
    );
    await chmod(directory, 0o700);
  });

  test("connections beyond the limit are rejected", async (t) => {
    const { socketPath, listening, client, directory } = await host(t, {
      maxConnections: 4,
      connectTimeoutMs: 2_000,
    });
    const server = await createSandboxServer({ listen: { dial: socketPath }, home: directory });
    t.after(() => server.close());
    const sandbox = await client();
    const stop = new AbortController();
    let refused = 0;
    const runs = Array.from({ length: 8 }, async () => {
      try {
        await sandbox.run({ command: "sleep", args: ["30"] }, { signal: stop.signal });
      } catch (error) {
        if (isErrorCode(error, "sandbox", "unreachable")) refused += 1;
      }
      assert.ok(listening.connections <= 4);
    });
    await until("four have a connection and four were refused", () => refused === 4);
    assert.equal(listening.connections, 4);
    stop.abort();
    await Promise.all(runs);
    assert.equal(refused, 4);
  });
});
