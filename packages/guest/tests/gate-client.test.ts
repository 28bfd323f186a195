/** Whom a client's calls are for, against real sockets of ZeroMQ. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Publisher, Router } from "zeromq";
import { GateClient } from "../src/gate-client.ts";

test("a call whose caller has gone before the gate is reached is not made", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-client-"));
  const client = new GateClient(directory);
  const [requests, events] = [new Router({ linger: 0 }), new Publisher({ linger: 0 })];
  t.after(() => {
    client.close();
    requests.close();
    events.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const caller = new AbortController();
  const left = client.call("tool.invoke.send", {}, { signal: caller.signal });
  caller.abort();
  await events.bind(`ipc://${join(directory, "events.sock")}`);
  await requests.bind(`ipc://${join(directory, "request.sock")}`);
  assert.deepEqual(await left, {
    ok: false,
    error: { code: "IPC_ERROR", message: "The call was cancelled", retriable: true },
  });
  const gone = AbortSignal.abort();
  assert.equal((await client.call("tool.invoke.send", {}, { signal: gone })).ok, false);

  const next = client.call("tool.invoke.look", {});
  const frames = await requests.receive();
  const { topic, correlation } = JSON.parse(String(frames.at(-1))) as { topic: string; correlation: string };
  assert.equal(topic, "tool.invoke.look", "the first that the gate hears of");
  const [identity] = frames;
  assert.ok(identity !== undefined);
  await requests.send([
    identity,
    "",
    JSON.stringify({ correlation, payload: { result: "seen", error: null } }),
  ]);
  assert.deepEqual(await next, { ok: true, result: "seen" });
});
