import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode, silentLogger } from "@holdfast/core";
import { SpawnHost } from "@holdfast/core/spawn-host";
import { Spawner, type SpawnerOptions } from "../src/internal/spawn/spawner.ts";
import { type RunLimits, runCommand } from "../src/processes/run.ts";
import { field, processesWith, startServerProcess, temporary, until } from "./harness.ts";
import { processApi } from "./processes-harness.ts";

const hasPerl = process.platform === "linux" && spawnSync("perl", ["-e", "exit 0"]).status === 0;
const needsPerl = hasPerl ? {} : { skip: "spawn hosts need Linux and perl" };
const env = { PATH: "/usr/local/bin:/usr/bin:/bin" };
const newMark = () => `61.${Math.floor(Math.random() * 1e9)}`;

interface Started {
  readonly run: (
    program: string,
    args?: readonly string[],
    more?: { readonly cwd?: string; readonly env?: Record<string, string> },
    limits?: Partial<RunLimits>,
  ) => ReturnType<typeof runCommand>;
  readonly spawner: Spawner;
}

function start(t: TestContext, options: SpawnerOptions = {}): Started {
  const spawner = new Spawner(silentLogger, options);
  t.after(() => spawner.close());
  return {
    spawner,
    run: (program, args = [], more = {}, limits = {}) =>
      runCommand(
        spawner,
        { program, args, cwd: "/", env, ...more },
        { timeoutMs: 60_000, maxOutputBytes: 1_000, signal: new AbortController().signal, ...limits },
      ),
  };
}

/** Returns the spawn hosts of this process. */
async function hosts(): Promise<number[]> {
  const found = await Promise.all(
    (await processesWith("holdfast-spawn-host")).map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
      return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]) === process.pid ? [pid] : [];
    }),
  );
  return found.flat();
}

async function onlyHost(): Promise<number> {
  const [pid, ...more] = await hosts();
  assert.ok(pid !== undefined && more.length === 0);
  return pid;
}

describe("commands of a spawn host", needsPerl, () => {
  test("one host runs, and it ends with its server", async (t) => {
    const { run, spawner } = start(t);
    assert.equal((await run("true")).exitCode, 0);
    assert.notEqual(await onlyHost(), undefined);
    await spawner.close();
    assert.deepEqual(await hosts(), []);
    await assert.rejects(run("true"));
  });

  for (const spawnHost of [true, false]) {
    test(`get their arguments and environment ${spawnHost ? "from it" : "from the server without it"}`, async (t) => {
      const { run } = start(t, { spawnHost });
      const words = ["", " ", "a\nb", "'\"$HOME`\\", "\u00e9\u{1f600}", "-n", "-"];
      const print = "printf '%s\\0' \"$@\"; exit 7";
      const said = await run("/bin/sh", ["-c", print, "sh", ...words]);
      assert.deepEqual(said.stdout.split("\0").slice(0, -1), words);
      assert.equal(said.exitCode, 7);
      // With control groups and no host a shell starts the command, and drops variables with invalid names.
      const odd = { ...env, EMPTY: "", LINES_: "a\nb=c", ...(spawnHost ? { "with-dash": "1" } : {}) };
      const names = (await run("env", ["-0"], { env: odd })).stdout.split("\0").slice(0, -1);
      const rest = names.filter((each) => !each.startsWith("HOLDFAST_SANDBOX=")).sort();
      assert.deepEqual(
        rest,
        Object.entries(odd)
          .map(([name, value]) => `${name}=${value}`)
          .sort(),
      );
      assert.equal((await run("/bin/sh", ["-c", "echo e >&2; kill -TERM $$"])).exitCode, null);
      assert.equal((await run("cat")).stdout, "", "its input is empty");
    });

    test(`fail with the system's error ${spawnHost ? "through it" : "without it"}`, async (t) => {
      const { run } = start(t, { spawnHost });
      const directory = await temporary(t);
      const plain = join(directory, "plain");
      const script = join(directory, "script");
      await writeFile(plain, "x");
      await writeFile(script, "#!/no/such/interpreter\n");
      await chmod(script, 0o755);
      await assert.rejects(run("no-such-program"), { code: "ENOENT" });
      await assert.rejects(run(join(directory, "missing")), { code: "ENOENT" });
      await assert.rejects(run(plain), { code: "EACCES" });
      await assert.rejects(run(directory), { code: "EACCES" });
      await assert.rejects(run(script), { code: "ENOENT" });
      await assert.rejects(run("true", [], { cwd: join(directory, "missing") }), { code: "ENOENT" });
      await assert.rejects(run("true", [], { cwd: plain }), { code: "ENOTDIR" });
      await assert.rejects(run("true", ["x".repeat(300_000)]), { code: "E2BIG" });
      assert.equal((await run("true", ["x".repeat(100_000)])).exitCode, 0);
    });
  }

  test("find a host that was started ahead, and none is left when the server ends first", async (t) => {
    const { spawner, run } = start(t);
    spawner.prepare();
    await until("a host runs", async () => (await hosts()).length === 1);
    const host = await onlyHost();
    const { stdout } = await run("/bin/sh", ["-c", "echo $PPID"]);
    assert.equal(Number(stdout), host);
    await spawner.close();
    const late = new Spawner(silentLogger);
    late.prepare();
    await late.close();
    assert.deepEqual(await hosts(), []);
  });

  test("are in their control group from the start", async (t) => {
    const { spawner } = start(t);
    const request = { program: "cat", args: ["/proc/self/cgroup"], cwd: "/", env };
    const command = await spawner.captured(request, 10_000);
    const { family } = command;
    if (family.group === undefined) {
      t.skip("this user may not make control groups");
      return;
    }
    const { exitCode, remains } = await command.exited;
    assert.deepEqual([exitCode, remains], [0, false]);
    const own = family.group.split("/").slice(-2).join("/");
    assert.match((await command.collect(1_000)).stdout.toString(), new RegExp(`^0::.*/${own}$`, "m"));
    await assert.rejects(readdir(family.group), { code: "ENOENT" });
  });

  test("enter their group themselves if the system cannot start them in it", async (t) => {
    const host = await SpawnHost.start({}, silentLogger);
    assert.ok(host);
    t.after(() => host.close());
    // A plain directory instead of a control group: an attempt to enter it leaves a trace.
    const group = await temporary(t);
    const request = { program: "true", args: [], cwd: "/", env, keepBytes: 10, makesGroup: false };
    const entered = await host.run({ ...request, group, limited: [] });
    assert.equal((await entered.exited).exitCode, 0);
    assert.equal(await readFile(join(group, "cgroup.procs"), "utf8"), "0");
    const missing = join(group, "missing");
    for (const where of [
      { group: missing, limited: [] },
      { group: undefined, limited: [missing] },
    ]) {
      await assert.rejects(host.run({ ...request, ...where }), { step: "g" });
    }
    const taken = host.run({ ...request, group, makesGroup: true, limited: [] });
    await assert.rejects(taken, { step: "g" });
  });

  test("can be ended before they have a session of their own", async (t) => {
    const { spawner, run } = start(t, { controlGroups: false });
    const ended = Array.from({ length: 32 }, () => run("sleep", ["60"], {}, { signal: AbortSignal.abort() }));
    for (const { exitCode } of await Promise.all(ended)) assert.equal(exitCode, null);
    // Right after the fork a child is still in the session of the host, or of this process.
    const forked = spawn("sleep", ["60"]);
    t.after(() => forked.kill("SIGKILL"));
    const exited = once(forked, "exit");
    await spawner.end({ pid: forked.pid ?? 0, marker: newMark(), forkedBy: process.pid }, 0);
    assert.equal(forked.signalCode ?? (await exited)[1], "SIGKILL");
  });

  test("are rejected with a NUL or with arguments that are too long", async (t) => {
    const { run } = start(t, { controlGroups: false });
    await assert.rejects(run("true", ["a\0b"]), TypeError);
    await assert.rejects(run("true", ["x".repeat(17 * 1_048_576)]), { code: "E2BIG" });
    assert.equal((await run("true")).exitCode, 0);
  });

  test("are awaited after they close their output, and truncated when they flood it", async (t) => {
    const { run } = start(t);
    const early = await run("/bin/sh", ["-c", "echo last; exec >&- 2>&-; sleep 0.1; exit 3"]);
    assert.deepEqual([early.stdout, early.exitCode], ["last\n", 3]);
    const flood = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 4";
    const floods = await Promise.all(
      Array.from({ length: 8 }, () => run("/bin/sh", ["-c", flood], {}, { maxOutputBytes: 1_048_576 })),
    );
    for (const { stdout, stderr, stdoutTruncated, stderrTruncated, exitCode } of floods) {
      assert.deepEqual([stdout.length, stderr.length, exitCode], [1_048_576, 1_048_576, 4]);
      assert.ok(stdoutTruncated && stderrTruncated);
    }
    const exact = await run("head", ["-c", "1000", "/dev/zero"]);
    assert.deepEqual([exact.stdout.length, exact.stdoutTruncated], [1_000, false]);
  });

  test("can run by the hundreds and leave no descriptor open", async (t) => {
    const { run, spawner } = start(t);
    await run("true");
    const host = await onlyHost();
    const descriptors = async () => (await readdir(`/proc/${host}/fd`)).length;
    const before = await descriptors();
    const request = { program: "sleep", args: ["300"], cwd: "/", env };
    // Three descriptors each exceed the 1,024 of select(2). Fewer without control groups, because each exit then
    // inspects all processes of the machine.
    const probe = await spawner.captured(request, 10);
    const count = probe.family.group === undefined ? 40 : 350;
    const more = await Promise.all(Array.from({ length: count }, () => spawner.captured(request, 10)));
    const running = [probe, ...more];
    assert.ok((await descriptors()) > 3 * count);
    assert.equal((await run("/bin/sh", ["-c", "echo fine"])).stdout, "fine\n");
    // No command inherits descriptors of the host or of another command.
    const inherited = (await run("/bin/ls", ["/proc/self/fd"])).stdout.trim().split("\n");
    assert.deepEqual(inherited, ["0", "1", "2", "3"], "the last is the directory that it reads");
    for (const { family } of running) process.kill(family.pid, "SIGKILL");
    for (const command of running) {
      const { exitCode, remains } = await command.exited;
      assert.equal(exitCode, null);
      await spawner.endDescendants(command.family, remains);
      await command.collect(0);
    }
    assert.equal(await descriptors(), before);
  });

  test("are killed and reported as lost when the host is killed, and later ones get a new host", async (t) => {
    const { run } = start(t);
    await run("true");
    const host = await onlyHost();
    const mark = newMark();
    const lost = Array.from({ length: 3 }, () =>
      run("/bin/sh", ["-c", `setsid sleep ${mark} & sleep ${mark}`]),
    );
    const told = Promise.allSettled(lost);
    await until("all run", async () => (await processesWith(mark)).length >= 9);
    process.kill(host, "SIGKILL");
    for (const each of await told) {
      assert.ok(each.status === "rejected" && isErrorCode(each.reason, "sandbox", "stream_error"));
      assert.equal(field(each.reason, "statusCode"), 502);
    }
    assert.deepEqual(await processesWith(mark), []);
    const said = await Promise.all([run("echo", ["a"]), run("echo", ["b"])]);
    assert.deepEqual(
      said.map(({ stdout }) => stdout),
      ["a\n", "b\n"],
    );
    assert.notEqual(await onlyHost(), host);
  });

  test("end with a killed server, even without the mark in their environment", async (t) => {
    const mark = newMark();
    t.after(async () => {
      for (const pid of await processesWith(mark)) process.kill(pid, "SIGKILL");
    });
    const server = await startServerProcess(t, {}, "tcp");
    const headers = { authorization: `Bearer ${server.token}` };
    const { request } = processApi({ url: server.url, fetch: globalThis.fetch });
    const command = { command: "env", args: ["-i", "/bin/sleep", mark] };
    void request("POST", "/processes/run", command, headers).catch(() => {});
    await until("it runs", async () => (await processesWith(mark)).length > 0);
    server.child.kill("SIGKILL");
    await until("it is gone", async () => (await processesWith(mark)).length === 0);
  });
});

test("without perl there is no host, and commands run without it", async (t) => {
  const directory = await temporary(t);
  const path = process.env.PATH;
  process.env.PATH = directory;
  t.after(() => {
    process.env.PATH = path;
  });
  assert.equal(await SpawnHost.start({}, silentLogger), undefined);
  const { run } = start(t);
  assert.equal((await run("/bin/sh", ["-c", "echo fine"])).stdout, "fine\n");
});
