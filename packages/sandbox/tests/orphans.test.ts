import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import {
  processesWith,
  type ServerProcess,
  soonMs,
  startServerProcess,
  temporary,
  until,
} from "./harness.ts";

/** An agent that ignores the end of its input and SIGTERM, and has children in other groups and sessions. */
const stubborn = (mark: string) => `
import { spawn } from "node:child_process";
process.on("SIGTERM", () => {});
process.on("SIGINT", () => {});
spawn("sleep", ["${mark}"], { stdio: "ignore" });
spawn("setsid", ["-f", "sleep", "${mark}"], { stdio: "ignore" });
spawn("/bin/sh", ["-c", "trap '' TERM; sleep ${mark}; :"], { stdio: "ignore", detached: true });
setTimeout(() => process.stdout.write('{"jsonrpc":"2.0","id":1,"result":{}}\\n'), 300);
setInterval(() => {}, 1000);
`;

async function withStubbornAgent(t: TestContext): Promise<{ server: ServerProcess; mark: string }> {
  const mark = `41.${Math.floor(Math.random() * 1e9)}`;
  const script = join(await temporary(t), `stubborn-${mark}.mjs`);
  await writeFile(script, stubborn(mark));
  const agents = [{ id: "stubborn", command: process.execPath, args: [script] }];
  const server = await startServerProcess(t, { agents });
  t.after(async () => {
    for (const pid of await processesWith(mark)) process.kill(pid, "SIGKILL");
  });
  const acp = server.client.acp("s", { agent: "stubborn", reconnectForMs: 0 });
  t.after(() => acp.detach());
  void acp.request("initialize", {}).catch(() => {});
  // The agent, the shell, and three sleeps.
  await until("all of them run", async () => (await processesWith(mark)).length >= 5);
  return { server, mark };
}

const exited = (server: ServerProcess) =>
  new Promise<number | null>((resolve) => server.child.once("exit", (code) => resolve(code)));

describe("no process is left behind", () => {
  test("after delete, which never hangs", async (t) => {
    const { server, mark } = await withStubbornAgent(t);
    const startedAt = performance.now();
    await server.client.acp("s").close();
    assert.ok(performance.now() - startedAt < soonMs);
    assert.deepEqual(await processesWith(mark), []);
    assert.deepEqual(await server.client.health(), { status: "ok" });
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    test(`after ${signal} to the server, which exits with 0`, async (t) => {
      const { server, mark } = await withStubbornAgent(t);
      const startedAt = performance.now();
      const code = exited(server);
      server.child.kill(signal);
      assert.equal(await code, 0);
      assert.ok(performance.now() - startedAt < soonMs);
      assert.deepEqual(await processesWith(mark), []);
    });
  }

  test("after SIGKILL to the server", async (t) => {
    const { server, mark } = await withStubbornAgent(t);
    const code = exited(server);
    server.child.kill("SIGKILL");
    await code;
    await until("everything is gone", async () => (await processesWith(mark)).length === 0, soonMs);
  });

  test("after an agent that crashed", async (t) => {
    const { server, mark } = await withStubbornAgent(t);
    const agents = await processesWith(`stubborn-${mark}.mjs`);
    for (const pid of agents) process.kill(pid, "SIGKILL");
    await until("everything is gone", async () => (await processesWith(mark)).length === 0, soonMs);
    assert.deepEqual(await server.client.health(), { status: "ok" });
  });
});
