import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { SpawnHost } from "@holdfast/core/spawn-host";
import { ControlGroups, commandInGroups, ownGroup } from "../src/internal/spawn/cgroup.ts";
import { LimitGroups, type LimitName, userTaskLimit } from "../src/internal/spawn/command-limits.ts";
import { Spawner } from "../src/internal/spawn/spawner.ts";
import { runCommand } from "../src/processes/run.ts";
import { field, startSandbox, until } from "./harness.ts";
import { processApi } from "./processes-harness.ts";

const limits = { maxTasks: 64, maxMemoryBytes: 64 * 1_048_576 };

/** Each process starts two more, ten levels deep: a thousand without a limit, which is harmless. */
const bomb = 'b() { [ "$1" -gt 0 ] && { b $(($1 - 1)) & b $(($1 - 1)) & }; wait; }; b 9';
/** Keeps 300 MB in memory. */
const hog = "head -c 300000000 /dev/zero | tail -c 299999999 | wc -c";

/** Whether control groups can enforce the limit for this user. Otherwise skips the test with the reason. */
async function canLimit(t: TestContext, limit: LimitName): Promise<boolean> {
  const name = `test-${randomUUID()}`;
  const groups = await ControlGroups.create(name);
  const found = await LimitGroups.create(name, limits, groups?.directory);
  found.close();
  groups?.close();
  if (found.enforces(limit)) return true;
  t.skip(`this user may not limit ${limit} by control groups`);
  return false;
}

async function perlIsMissing(): Promise<boolean> {
  const host = await SpawnHost.start({}, silentLogger);
  await host?.close();
  return host === undefined;
}

describe("limits of a command", () => {
  test("a fork bomb is bounded, killed and reported", async (t) => {
    if (!(await canLimit(t, "tasks"))) return;
    const sandbox = await startSandbox(t, "unix", { limits: { maxCommandTasks: 64 } });
    const { request, create, info, output } = processApi(sandbox);
    const command = { command: "/bin/sh", args: ["-c", bomb] };
    const ran = await request("POST", "/processes/run", command);
    assert.equal(ran.status, 200, JSON.stringify(ran.body));
    assert.deepEqual(field(ran.body, "limitsHit"), ["tasks"]);
    assert.match(String(field(ran.body, "stderr")), /fork/i);

    const id = await create(command);
    await until("it has exited", async () => field(await info(id), "status") === "exited");
    assert.deepEqual(field(await info(id), "limitsHit"), ["tasks"]);
    assert.match(await output(id), /fork/i);

    // Other commands keep their own limits, and one below its limit reports no hit.
    const quiet = await request("POST", "/processes/run", { command: "/bin/true" });
    assert.equal(field(quiet.body, "exitCode"), 0);
    assert.equal(field(quiet.body, "limitsHit"), undefined);
  });

  test("a command that uses too much memory is killed and reported", async (t) => {
    if (!(await canLimit(t, "memory"))) return;
    const sandbox = await startSandbox(t, "unix", {
      limits: { maxCommandMemoryBytes: limits.maxMemoryBytes },
    });
    const { request } = processApi(sandbox);
    const ran = await request("POST", "/processes/run", { command: "/bin/sh", args: ["-c", hog] });
    assert.equal(ran.status, 200, JSON.stringify(ran.body));
    assert.deepEqual(field(ran.body, "limitsHit"), ["memory"]);
    assert.notEqual(String(field(ran.body, "stdout")).trim(), "299999999");
  });

  test("a task group is reused unless its limit was hit", async (t) => {
    if (!(await canLimit(t, "tasks"))) return;
    const spawner = new Spawner(silentLogger, { limits: { ...limits, maxMemoryBytes: 0 } });
    t.after(() => spawner.close());
    const { signal } = new AbortController();
    const run = async (script: string) => {
      const env = { PATH: process.env.PATH ?? "/usr/bin:/bin" };
      const words = ["-c", `cat /proc/self/cgroup; ${script}`];
      const request = { program: "/bin/sh", args: words, cwd: "/", env };
      const ran = await runCommand(spawner, request, { timeoutMs: 30_000, maxOutputBytes: 10_000, signal });
      const own = /^0::.*\/holdfast-[^/]+\/\d+$/m.test(ran.stdout);
      const group = /^\d+:pids:(.*\/holdfast-[^/]+\/\d+)$/m.exec(ran.stdout)?.[1];
      return { group: own ? group : undefined, hit: ran.limitsHit };
    };
    const first = await run("true");
    if (first.group === undefined || spawner.groups === undefined || (await perlIsMissing())) {
      t.skip("groups are used again where perl makes those of version 2, and version 1 counts tasks");
      return;
    }
    assert.deepEqual(await run("true"), first);
    // The limit also applies in a reused group.
    assert.deepEqual(await run(bomb), { group: first.group, hit: ["tasks"] });
    const after = await run("true");
    assert.notEqual(after.group, first.group);
    assert.equal(after.hit, undefined);
    assert.deepEqual(await run("true"), after);
  });

  test("a task group that still counts a process is not reused", async (t) => {
    if (!(await canLimit(t, "tasks"))) return;
    const groups = await LimitGroups.create(
      `test-${randomUUID()}`,
      { maxTasks: 8, maxMemoryBytes: 0 },
      undefined,
    );
    t.after(() => groups.close());
    const first = groups.acquire("1", undefined);
    if (first.length === 0) return t.skip("version 1 does not count tasks here");
    const { program, args } = commandInGroups(first, "/bin/cat", [], {});
    const counted = spawn(program, [...args], { env: {}, stdio: ["pipe", "pipe", "inherit"] });
    t.after(() => counted.kill("SIGKILL"));
    counted.stdin.write("in the group\n");
    await once(counted.stdout, "data");
    assert.deepEqual(groups.hits(undefined, first), []);
    groups.release(first, true);
    const second = groups.acquire("2", undefined);
    assert.notDeepEqual(second, first);
    // Allows the removal of its group at the end. The second group was never used.
    counted.stdin.end();
    await once(counted, "exit");
    assert.deepEqual(groups.hits(undefined, second), []);
    groups.release(second, true);
    assert.deepEqual(groups.acquire("3", undefined), second);
  });

  test("the server removes all groups when it closes", async () => {
    const spawner = new Spawner(silentLogger, { limits });
    const { signal } = new AbortController();
    const groups = await ControlGroups.create(`own-${randomUUID()}`);
    const found = await LimitGroups.create(spawner.mark, limits, groups?.directory);
    const directories = found.directories;
    found.close();
    groups?.close();
    const request = { program: "/bin/true", args: [], cwd: "/", env: {} };
    await runCommand(spawner, request, { timeoutMs: 10_000, maxOutputBytes: 100, signal });
    assert.ok(directories.every((path) => existsSync(path)));
    await spawner.close();
    assert.ok(directories.every((path) => !existsSync(path)));
  });

  test("a command that cannot start leaves no group", async (t) => {
    if (!(await canLimit(t, "tasks"))) return;
    const spawner = new Spawner(silentLogger, { limits });
    t.after(() => spawner.close());
    const request = { program: "/bin/true", args: ["x".repeat(3_000_000)], cwd: "/", env: {} };
    await assert.rejects(spawner.withPipes(request), { code: "E2BIG" });
    await assert.rejects(spawner.withoutInput(request), { code: "E2BIG" });
    const parents = [ownGroup("pids"), ownGroup("memory")].map((path) => `${path}/holdfast-${spawner.mark}`);
    const left = [...parents, spawner.groups]
      .flatMap((path) =>
        path !== undefined && existsSync(path) ? readdirSync(path, { withFileTypes: true }) : [],
      )
      .filter((entry) => entry.isDirectory());
    assert.deepEqual(left, []);
  });

  test("without control groups the system limits the tasks of the user", () => {
    // The user already has other processes, so a limit of one task allows no more.
    const script = ["-c", "echo begins; true & wait"];
    const { program, args } = commandInGroups([], "/bin/sh", script, {}, userTaskLimit(1));
    // The system exempts root.
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const ran = spawnSync(program, [...args], { ...nobody, cwd: "/", encoding: "utf8" });
    assert.equal(ran.stdout, "begins\n", ran.stderr);
    assert.match(ran.stderr, /fork/i);
  });
});
