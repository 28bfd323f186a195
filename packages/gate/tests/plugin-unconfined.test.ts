/** Plugins where there are no jails. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isAlive, startTime } from "../src/jail/processes.ts";
import { handlerOf, installPlugin, manifestOf } from "./plugin-support.ts";
import { openGate, temporaryDirectory } from "./support.ts";

test("a plugin that is too busy to see its gate killed is ended by the next one", async (t) => {
  const dataDir = temporaryDirectory(t);
  installPlugin(dataDir, "busy", {
    "manifest.json": manifestOf([{ name: "busy_ever" }]),
    "handler.js": handlerOf({
      busy_ever:
        "context.progress({ progress: process.pid }); setImmediate(() => { for (;;); }); return new Promise(() => {});",
    }),
  });
  const program = fileURLToPath(new URL("./host-with-busy-plugin.ts", import.meta.url));
  const host = spawn(process.execPath, [program, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => host.kill("SIGKILL"));
  const [line] = await once(host.stdout, "data");
  const pid = Number(String(line));
  const started = startTime(pid) ?? "";
  const plugin = { pid, started };
  t.after(() => isAlive(plugin) && process.kill(pid, "SIGKILL"));
  const killed = once(host, "exit");
  host.kill("SIGKILL");
  await killed;
  assert.equal(isAlive(plugin), true);

  const gate = await openGate(t, { dataDir, jails: { driver: "none", allowUnsafe: true } });
  assert.equal(isAlive(plugin), false);
  assert.equal((await gate.status()).orphansEnded, 1);
  const [record] = await gate.audit.query({ type: "jail.orphans_ended" });
  assert.deepEqual(record?.data, { jails: 1 });
});
