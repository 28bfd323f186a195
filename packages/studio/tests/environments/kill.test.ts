/** SIGKILL of the server while it prepares an environment: the next one prepares it, once, and never beside another. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { makeRepository, needsJail, ServerProcess, temporaryFolder, Watch } from "../support.ts";
import { commit, environmentFile, untilEnvironment } from "./support.ts";

/** Hangs in its first run, which only a kill ends. `marker` finds its processes. */
const hangsOnce = (marker: string) => `
setup:
  - name: install
    run: |
      echo run >> "$SHARED/runs"
      echo started
      test "$(wc -l < "$SHARED/runs")" -gt 1 || sleep ${marker}
      echo done > result
caches: {shared: SHARED}
`;

async function start(t: TestContext, marker: string) {
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  commit(repository, { [environmentFile]: hangsOnce(marker) });
  const data = join(folder, "data");
  return { repository, data, server: await ServerProcess.start(t, data) };
}

function runsOf(data: string): number {
  const caches = join(data, "environments", "caches");
  const [folder = ""] = readdirSync(caches);
  return readFileSync(join(caches, folder, "shared", "runs"), "utf8")
    .trim()
    .split("\n").length;
}

function isRunning(marker: string): boolean {
  const script = `for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < "$f" 2>/dev/null | grep -qx 'sleep ${marker} ' && echo "$f"; done; true`;
  return execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" }) !== "";
}

const hasStarted = ({ steps }: { readonly steps: readonly { readonly output: string }[] }) =>
  steps[0]?.output.includes("started") === true;

describe("kill -9 of the server while it prepares an environment", () => {
  test("that a person began: the next server prepares it", async (t) => {
    if (!needsJail(t)) return;
    const marker = "987651";
    const { repository, data, server } = await start(t, marker);
    const { id = "" } = await server.client.organization.prepareEnvironment(repository);
    await untilEnvironment(server.client, id, hasStarted);
    assert.ok(isRunning(marker));
    await server.kill();
    const next = await ServerProcess.start(t, data, server.cookie);
    const view = await untilEnvironment(next.client, id, ({ status }) => status !== "preparing");
    assert.equal(view.status, "ready", JSON.stringify(view.error));
    assert.equal(runsOf(data), 2);
    assert.ok(!isRunning(marker), "the jail of the killed server is gone");
    await next.stop();
  });

  test("that a task waits for: the task goes on, from one preparation", async (t) => {
    if (!needsJail(t)) return;
    const marker = "987652";
    const { repository, data, server } = await start(t, marker);
    const prompt = 'write "x" to x.txt without asking';
    const task = await server.client.organization.createTask({ repository, agent: "demo", prompt });
    const { id = "" } = await server.client.organization.prepareEnvironment(repository);
    await untilEnvironment(server.client, id, hasStarted);
    await server.kill();
    const next = await ServerProcess.start(t, data, server.cookie);
    const watch = await Watch.open(next.client, task.id);
    t.after(() => watch.close());
    const view = await watch.status("idle", "failed");
    assert.equal(view.status, "idle", JSON.stringify(view.error));
    assert.equal(runsOf(data), 2);
    assert.equal(readFileSync(join(data, "tasks", task.id, "workspace", "result"), "utf8"), "done\n");
    await next.stop();
  });

  test("whose inputs have changed since: its record says so, and the new inputs are prepared", async (t) => {
    if (!needsJail(t)) return;
    const marker = "987653";
    const { repository, data, server } = await start(t, marker);
    const { id = "" } = await server.client.organization.prepareEnvironment(repository);
    await untilEnvironment(server.client, id, hasStarted);
    await server.kill();
    commit(repository, { "package-lock.json": "{}" });
    const next = await ServerProcess.start(t, data, server.cookie);
    const old = await untilEnvironment(next.client, id, ({ status }) => status !== "preparing");
    assert.equal(old.error?.code, "inputs_changed");
    const { id: current = "" } = await next.client.organization.prepareEnvironment(repository);
    assert.notEqual(current, id);
    const view = await untilEnvironment(next.client, current, ({ status }) => status !== "preparing");
    assert.equal(view.status, "ready", JSON.stringify(view.error));
    await next.stop();
  });
});
