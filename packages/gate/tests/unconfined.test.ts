/** What a killed gate has left where there are no jails. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isAlive, type ProcessIdentity, startTime } from "../src/jail/host/processes.ts";
import { handlerOf, installPlugin, manifestOf } from "./plugin-support.ts";
import { openGate, temporaryDirectory } from "./support.ts";

test("an agent, and a plugin too busy to notice that its gate was killed, are ended by the next gate", async (t) => {
  const dataDir = temporaryDirectory(t);
  installPlugin(dataDir, "busy", {
    "manifest.json": manifestOf([{ name: "busy_ever" }]),
    "handler.js": handlerOf({
      busy_ever:
        "context.progress({ progress: process.pid }); setImmediate(() => { for (;;); }); return new Promise(() => {});",
    }),
  });
  const program = fileURLToPath(new URL("./host-unconfined.ts", import.meta.url));
  const host = spawn(process.execPath, [program, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => host.kill("SIGKILL"));
  const left: ProcessIdentity[] = [];
  t.after(() => {
    for (const each of left) if (isAlive(each)) process.kill(each.pid, "SIGKILL");
  });
  for await (const line of createInterface({ input: host.stdout })) {
    left.push({ pid: Number(line), started: startTime(Number(line)) ?? "" });
    if (left.length === 2) break;
  }
  const killed = once(host, "exit");
  host.kill("SIGKILL");
  await killed;
  assert.deepEqual(left.map(isAlive), [true, true]);

  const gate = await openGate(t, { dataDir, jails: { driver: "none", allowUnsafe: true } });
  assert.deepEqual(left.map(isAlive), [false, false]);
  const { orphansEnded } = await gate.status();
  assert.ok(orphansEnded >= 2);
  const [record] = await gate.audit.query({ type: "jail.orphans_ended" });
  assert.deepEqual(record?.data, { jails: orphansEnded });
});
