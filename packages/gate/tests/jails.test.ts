import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isErrorCode } from "@holdfast/core";
import { createGate, type Gate, type Guarantee, type Jail, type JailSpec } from "@holdfast/gate";
import { BubblewrapDriver } from "../src/jail/bubblewrap/bubblewrap-driver.ts";
import type { Protection } from "../src/jail/bubblewrap/bwrap-arguments.ts";
import { detectLandlock } from "../src/jail/confinement/landlock.ts";
import { processesIn, ticksNow } from "../src/jail/host/processes.ts";
import { JailRegistry } from "../src/jail/jail-registry.ts";
import {
  eventually,
  finish,
  firstLine,
  isRoot,
  jailNode,
  missing,
  openGate,
  shell,
  soonMs,
  temporaryDirectory,
} from "./support.ts";

const typed = (group: string, code: string) => (error: unknown) => isErrorCode(error, group, code);

let shared: Promise<Gate> | undefined;

/** The gate of all tests that ask nothing of the gate itself: to open one takes five jails. */
function sharedGate(): Promise<Gate> {
  shared ??= createGate({
    dataDir: temporaryDirectory({ after: () => {} }),
    vault: { env: {}, logins: false },
  });
  return shared;
}
after(async () => (await shared)?.close());

describe("the bubblewrap driver", { skip: missing("bwrap") }, () => {
  test("proves every guarantee but the limits that the machine cannot set", async () => {
    const gate = await sharedGate();
    const { driver, unsafe, guarantees } = await gate.status();
    assert.deepEqual([driver, unsafe], ["bubblewrap", false]);
    const lacking = guarantees.filter((each) => !each.held && !each.name.startsWith("limits."));
    const broken = lacking.map((each) => each.name);
    assert.deepEqual(broken, "absent" in detectLandlock() ? ["access.landlocked"] : []);
    if (isRoot)
      assert.ok(
        guarantees.every((each) => each.held || lacking.includes(each)),
        JSON.stringify(guarantees),
      );
  });

  const breaks: readonly [Protection[], Guarantee["name"]][] = [
    [["network"], "network.none"],
    [["pid_namespace"], "processes.hidden"],
    [["seccomp"], "syscalls.filtered"],
    [["seccomp", "user_namespaces_disabled"], "namespaces.sealed"],
    [["clear_environment"], "environment.exact"],
    [["read_only_root"], "filesystem.read_only_root"],
    [["synthetic_etc"], "filesystem.mounts_only"],
    [["drop_capabilities"], "privileges.none"],
  ];
  for (const [omitted, guarantee] of breaks) {
    test(`does not claim ${guarantee} without ${omitted.join(" and ")}, and starts nothing`, async (t) => {
      const driver = new BubblewrapDriver({
        directory: join(temporaryDirectory(t), "gate"),
        omit: new Set(omitted),
      });
      t.after(() => driver.close());
      const report = await driver.selfTest();
      const found = report.guarantees.find((each) => each.name === guarantee);
      assert.equal(found?.held, false, JSON.stringify(found));
      assert.equal(report.ok, false);
      await assert.rejects(driver.start(shell("true")), typed("jail", "missing_guarantee"));
    });
  }

  test("keeps read-only mounts read-only and writable ones without device files", async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, "ro"));
    mkdirSync(join(directory, "rw"));
    const gate = await sharedGate();
    const jail = await gate.jails.start(
      shell("(echo x >/ro/file) 2>&1; echo y >/rw/file && echo written", {
        mounts: [
          { source: join(directory, "ro"), target: "/ro", mode: "ro" },
          { source: join(directory, "rw"), target: "/rw", mode: "rw" },
        ],
      }),
    );
    const { stdout } = await finish(jail);
    assert.match(stdout, /Read-only file system[\s\S]*written/);
    assert.deepEqual(readdirSync(join(directory, "ro")), []);
  });

  test("has devices that can be used, and not changed for the host", async () => {
    const gate = await sharedGate();
    const devices = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);
    // The modes that they have: nothing is changed where this is not refused.
    const attempts = devices.map((path) => `chmod ${(statSync(path).mode & 0o777).toString(8)} ${path}`);
    const jail = await gate.jails.start(
      shell(`echo x >/dev/null && head -c 1 /dev/zero | od -An -tx1; (${attempts.join("; ")}) 2>&1`),
    );
    const [used, ...refusals] = (await finish(jail)).stdout.trim().split("\n");
    assert.equal(used?.trim(), "00");
    assert.equal(refusals.length, devices.length, refusals.join("\n"));
    for (const refusal of refusals) assert.match(refusal, /Operation not permitted$/);
  });

  test("stops everything, daemons that ignore signals too", async () => {
    const gate = await sharedGate();
    const jail = await gate.jails.start(
      shell(`trap '' TERM HUP INT
        setsid sh -c 'trap "" TERM HUP INT; (setsid sleep 1000 &) ; sleep 1000' >/dev/null 2>&1 &
        readlink /proc/self/ns/pid; while :; do sleep 1; done`),
    );
    const namespace = await firstLine(jail);
    assert.ok(processesIn(namespace).length >= 3);
    const [began, stopAt] = [performance.now(), ticksNow()];
    const exit = await jail.stop();
    assert.ok(performance.now() - began < soonMs);
    assert.equal(exit.reason, "stopped");
    assert.deepEqual(processesIn(namespace, stopAt), []);
    assert.deepEqual(await jail.stop(), exit);
    assert.deepEqual(gate.jails.list(), []);
  });

  test("kills a memory balloon and says so; the host and another jail do not notice", {
    skip: !isRoot && "needs root for control groups",
  }, async () => {
    const gate = await sharedGate();
    const other = await gate.jails.start(shell("cat"));
    const jail = await gate.jails.start(
      shell("exec tail -n 1 </dev/zero", { limits: { memoryBytes: 48 * 1024 * 1024 } }),
    );
    const exit = await finish(jail);
    assert.equal(exit.reason, "memory");
    assert.ok((jail.usage().memoryPeakBytes ?? 0) <= 48 * 1024 * 1024);
    assert.equal((await finish(other, "alive")).stdout, "alive");
  });

  test("bounds processes", { skip: !isRoot && "needs root for control groups" }, async () => {
    const gate = await sharedGate();
    const jail = await gate.jails.start(
      shell("bomb() { bomb | bomb & }; bomb; exec sleep 1000", { limits: { pids: 32 } }),
    );
    jail.stderr.resume();
    await eventually("forks are refused", () => (jail.usage().pidsRefused ?? 0) > 0);
    assert.ok((jail.usage().pids ?? 0) <= 32);
    const began = performance.now();
    await jail.stop({ graceMs: 0 });
    assert.ok(performance.now() - began < soonMs);
  });

  test("bounds processor time", { skip: !isRoot && "needs root for control groups" }, async () => {
    const gate = await sharedGate();
    const spin =
      "const before = process.cpuUsage(), end = Date.now() + 600; while (Date.now() < end); console.log(process.cpuUsage(before).user)";
    const jail = await gate.jails.start(
      shell("", {
        command: jailNode.path,
        args: ["-e", spin],
        mounts: [jailNode.mount],
        limits: { cpus: 0.2 },
      }),
    );
    const used = Number((await finish(jail)).stdout) / 1_000;
    assert.ok(used < 400, `${used} ms of processor time in 600 ms at 0.2 cores`);
  });
});

describe("a jail's spec", { skip: missing("bwrap") }, () => {
  const bad: readonly [string, Partial<JailSpec>][] = [
    ["an id with a slash", { id: "a/b" }],
    ["an empty command", { command: "" }],
    ["a relative directory", { cwd: "workspace" }],
    ["a variable with an equals sign", { env: { "A=B": "c" } }],
    ["a NUL byte in an argument", { args: ["a\0b"] }],
    ["a mount over /etc", { mounts: [{ source: "/tmp", target: "/etc/ssl", mode: "ro" }] }],
    ["a mount over /", { mounts: [{ source: "/tmp", target: "/", mode: "rw" }] }],
    ["a target with dots", { mounts: [{ source: "/tmp", target: "/a/../b", mode: "ro" }] }],
    ["a source that is missing", { mounts: [{ source: "/no/such/thing", target: "/a", mode: "ro" }] }],
    [
      "mounts that overlap",
      {
        mounts: [
          { source: "/tmp", target: "/a", mode: "rw" },
          { source: "/tmp", target: "/a/b", mode: "ro" },
        ],
      },
    ],
    ["too little memory", { limits: { memoryBytes: 1 } }],
    ["no processor", { limits: { cpus: 0 } }],
  ];
  test("is refused when it is wrong, and nothing starts", async () => {
    const gate = await sharedGate();
    for (const [name, part] of bad) {
      await assert.rejects(gate.jails.start(shell("true", part)), typed("jail", "invalid_spec"), name);
    }
    assert.deepEqual(gate.jails.list(), []);
  });
});

describe("a tool in a throwaway jail", { skip: missing("bwrap") }, () => {
  test("gives its output and exit code", async () => {
    const gate = await sharedGate();
    const result = await gate.jails.runTool({
      command: "sh",
      args: ["-c", "cat; echo err >&2; exit 4"],
      cwd: "/",
      mounts: [],
      stdin: "in",
    });
    assert.deepEqual([String(result.stdout), String(result.stderr), result.code], ["in", "err\n", 4]);
  });

  test("makes no Unix sockets", { skip: missing("perl") }, async () => {
    const gate = await sharedGate();
    const script =
      "use Socket; print socket(my $made, AF_UNIX, SOCK_STREAM, 0) ? 'made' : $!{EPERM} ? 'EPERM' : $!";
    const made = await finish(await gate.jails.start(shell("", { command: "perl", args: ["-e", script] })));
    const tool = { command: "perl", args: ["-e", script], cwd: "/", mounts: [] };
    assert.deepEqual([made.stdout, String((await gate.jails.runTool(tool)).stdout)], ["made", "EPERM"]);
  });

  test("is bounded in time and output, and can be aborted", async () => {
    const gate = await sharedGate();
    const tool = (command: string, rest: object) =>
      gate.jails.runTool({ command: "sh", args: ["-c", command], cwd: "/", mounts: [], ...rest });
    await assert.rejects(tool("sleep 1000", { timeoutMs: 100 }), typed("jail", "tool_timed_out"));
    await assert.rejects(
      tool("cat /dev/zero", { maxOutputBytes: 100_000 }),
      typed("jail", "tool_output_too_large"),
    );
    const abort = new AbortController();
    const running = tool("sleep 1000", { signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(running, /enough/);
    assert.deepEqual(gate.jails.list(), []);
  });

  test("runs git on a hostile tree without running what the tree configures", async (t) => {
    const tree = temporaryDirectory(t);
    const git = (...args: string[]) => spawnSync("git", args, { cwd: tree, encoding: "utf8" });
    git("init", "--quiet");
    writeFileSync(join(tree, "pwn.sh"), "#!/bin/sh\ntouch /tmp/holdfast-pwned; cat\n", { mode: 0o755 });
    git("config", "core.fsmonitor", join(tree, "pwn.sh"));
    writeFileSync(join(tree, "file"), "content");
    const gate = await sharedGate();
    const result = await gate.jails.runTool({
      command: "git",
      args: ["status", "--porcelain"],
      cwd: "/tree",
      mounts: [{ source: tree, target: "/tree", mode: "ro" }],
    });
    assert.match(String(result.stdout), /\?\? file/);
    assert.equal(existsSync("/tmp/holdfast-pwned"), false);
  });
});

describe("the life of a host", { skip: missing("bwrap") }, () => {
  test("its jails die when it is killed, and the next host finds nothing of them", async (t) => {
    const dataDir = temporaryDirectory(t);
    // A descriptor that the host itself inherited: its jails prove at start that they have none of it.
    const held = openSync("/etc/passwd", "r");
    t.after(() => closeSync(held));
    const nothing = Array<"ignore">(6).fill("ignore");
    const host = spawn(
      process.execPath,
      [fileURLToPath(new URL("./host-with-jail.ts", import.meta.url)), dataDir],
      {
        stdio: ["ignore", "pipe", "inherit", ...nothing, held],
      },
    );
    t.after(() => host.kill("SIGKILL"));
    const [line] = await new Promise<string[]>((resolve, reject) => {
      host.stdout?.once("data", (chunk) => resolve(String(chunk).split("\n")));
      host.once("exit", (code) => reject(new Error(`the host ended with ${code}`)));
    });
    assert.equal(readlinkSync(`/proc/${host.pid}/fd/9`), "/etc/passwd");
    const namespace = line ?? "";
    assert.match(namespace, /^pid:/);
    assert.ok(processesIn(namespace).length >= 2);
    await assert.rejects(
      createGate({ dataDir, vault: { env: {}, logins: false } }),
      typed("gate", "already_open"),
    );
    const killAt = ticksNow();
    host.kill("SIGKILL");
    await eventually("all of the jail is dead", () => processesIn(namespace, killAt).length === 0);
    const gate = await openGate(t, { dataDir });
    assert.equal((await gate.status()).orphansEnded, 1);
    assert.deepEqual(readdirSync(join(dataDir, "gate", "jails")), []);
    assert.equal((await gate.audit.verify()).ok, true);
  });

  test("its sockets go with the next host, also where they have to be elsewhere", async (t) => {
    const base = temporaryDirectory(t);
    const elsewhere = join(base, "tmp");
    mkdirSync(elsewhere);
    // No address of a socket in it would fit.
    const dataDir = join(base, "long".repeat(20));
    const program = fileURLToPath(new URL("./host-with-jail.ts", import.meta.url));
    const host = spawn(process.execPath, [program, dataDir], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TMPDIR: elsewhere },
    });
    t.after(() => host.kill("SIGKILL"));
    await new Promise((resolve, reject) => {
      host.stdout.once("data", resolve);
      host.once("exit", (code) => reject(new Error(`the host ended with ${code}`)));
    });
    assert.equal(readdirSync(elsewhere).length, 1);
    const ended = new Promise((resolve) => host.once("exit", resolve));
    host.kill("SIGKILL");
    await ended;
    await openGate(t, { dataDir });
    assert.deepEqual(readdirSync(elsewhere), []);
  });

  test("what a killed host left running is ended by the next", async (t) => {
    const dataDir = temporaryDirectory(t);
    const first = await openGate(t, { dataDir });
    await first.close();
    const id = createHash("sha256").update(join(dataDir, "gate")).digest("hex").slice(0, 16);
    // As a jail whose parent-death signal was lost: its processes carry the gate's mark.
    const left = spawn("sleep", ["1000"], { env: { HOLDFAST_JAIL: `${id}/lost` }, stdio: "ignore" });
    const other = spawn("sleep", ["1000"], { env: { HOLDFAST_JAIL: "0000000000000000/x" }, stdio: "ignore" });
    t.after(() => other.kill("SIGKILL"));
    const ended = new Promise((resolve) => left.once("exit", (_code, signal) => resolve(signal)));
    const gate = await openGate(t, { dataDir });
    assert.equal(await ended, "SIGKILL");
    assert.equal((await gate.status()).orphansEnded, 1);
    assert.equal(other.exitCode, null, "the jail of another gate goes on");
    assert.equal((await gate.audit.query({ type: "jail.orphans_ended" })).length, 1);
  });

  test("many jails leave no descriptor, process, record or control group", async (t) => {
    const dataDir = temporaryDirectory(t);
    const gate = await openGate(t, { dataDir });
    const tool = { command: "true", args: [], cwd: "/", mounts: [] };
    const descriptors = () => readdirSync("/proc/self/fd").length;
    await gate.jails.runTool(tool);
    const before = descriptors();
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 4 }, () => gate.jails.runTool(tool)));
    }
    await eventually("descriptors are back", () => descriptors() <= before);
    assert.deepEqual(readdirSync(join(dataDir, "gate", "jails")), []);
    assert.deepEqual(gate.jails.list(), []);
  });

  test("a jail whose bwrap is killed dies completely", async (t) => {
    const gate = await openGate(t);
    const jail = await gate.jails.start(
      shell("readlink /proc/self/ns/pid; (setsid sleep 1000 &) ; sleep 1000"),
    );
    const namespace = await firstLine(jail);
    const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${jail.pid}/status`, "utf8"))?.[1];
    const killAt = ticksNow();
    process.kill(Number(parent), "SIGKILL");
    assert.equal((await jail.exited).reason, "killed");
    assert.deepEqual(processesIn(namespace, killAt), []);
  });

  test("closing the gate ends its jails and refuses new ones", async (t) => {
    const gate = await openGate(t);
    const jail = await gate.jails.start(shell("sleep 1000"));
    await gate.close();
    assert.equal((await jail.exited).reason, "stopped");
    await assert.rejects(gate.jails.start(shell("true")), typed("gate", "closed"));
  });

  test("closing waits for the jails that are being made, and leaves none of them", async (t) => {
    const gate = await openGate(t);
    const begun = Promise.withResolvers<{ readonly made: Promise<Jail> }>();
    const telling = new Proxy(gate.jails.driver, {
      get: (target, name) => {
        if (name !== "start") return Reflect.get(target, name, target);
        return (spec: JailSpec) => {
          const made = target.start(spec);
          begun.resolve({ made });
          return made;
        };
      },
    });
    const registry = new JailRegistry(telling, gate.audit);
    const refused = assert.rejects(registry.start(shell("sleep 60")), typed("gate", "closed"));
    const { made } = await begun.promise;
    await registry.close();
    const alive = new Promise<string>((resolve) => setImmediate(resolve, "it lives"));
    const { exited } = await made;
    assert.equal(await Promise.race([exited.then(({ reason }) => reason), alive]), "stopped");
    await refused;
  });

  test("works for an ordinary user", { skip: !isRoot && "needs root to become another user" }, async (t) => {
    const directory = temporaryDirectory(t);
    spawnSync("chown", ["65534:65534", directory]);
    const program = fileURLToPath(new URL("./host-with-jail.ts", import.meta.url));
    const { stdout, stderr } = spawnSync(process.execPath, [program, join(directory, "data"), "once"], {
      uid: 65534,
      gid: 65534,
      encoding: "utf8",
      env: {},
      timeout: 60_000,
    });
    assert.match(stdout, /^pid:/, stderr);
  });
});

describe("without a jail", { skip: missing("bwrap") }, () => {
  test("nothing starts unless the operator said so, and the status says so everywhere", async (t) => {
    const dataDir = temporaryDirectory(t);
    await assert.rejects(
      createGate({ dataDir, jails: { driver: "none" } }),
      typed("jail", "unsafe_not_allowed"),
    );
    const gate = await openGate(t, { dataDir, jails: { driver: "none", allowUnsafe: true } });
    const status = await gate.status();
    assert.equal(status.unsafe, true);
    assert.match(status.stages.find((stage) => stage.name === "jails")?.detail ?? "", /UNSAFE/);
    assert.deepEqual(status.guarantees, []);
    const done = await finish(await gate.jails.start(shell("echo on the host")));
    assert.equal(done.stdout, "on the host\n");
    const jail = await gate.jails.start(shell("sleep 1000 & sleep 1000"));
    assert.equal((await jail.stop()).reason, "stopped");
    const nowhere = join(dataDir, "nowhere");
    await assert.rejects(gate.jails.start({ ...shell("true"), cwd: nowhere }), (error: unknown) => {
      assert.ok(isErrorCode(error, "jail", "start_failed"));
      // The system's own word for it reads as if the program were missing.
      assert.equal(error.message, `The working directory does not exist: ${nowhere}`);
      return true;
    });
  });

  test("refuses each jail, and nothing else, where it may open without", async (t) => {
    const dataDir = temporaryDirectory(t);
    const gate = await createGate({
      dataDir,
      jails: { bwrapPath: join(dataDir, "none"), whenUnavailable: "refuse" },
    });
    t.after(() => gate.close());
    const spec = {
      id: "j",
      command: "true",
      args: [],
      cwd: "/",
      env: {},
      mounts: [],
      network: "none",
    } as const;
    for (const attempt of [() => gate.jails.start(spec), () => gate.jails.runTool(spec)]) {
      await assert.rejects(attempt, (error) => isErrorCode(error, "jail", "unavailable"));
    }
    const { stages, unsafe } = await gate.status();
    assert.equal(unsafe, false);
    assert.deepEqual(
      stages.filter((stage) => !stage.inForce).map((stage) => stage.name),
      ["jails"],
    );
  });

  test("bubblewrap that is missing or forbidden is a typed error that says what to do", async (t) => {
    const dataDir = temporaryDirectory(t);
    const forbidden = join(dataDir, "bwrap");
    await assert.rejects(
      createGate({ dataDir, jails: { bwrapPath: join(dataDir, "none") } }),
      (error: unknown) => {
        assert.ok(isErrorCode(error, "jail", "unavailable"));
        assert.match(error.message, /bubblewrap/);
        return true;
      },
    );
    // Says what the real one says where a security policy forbids user namespaces.
    writeFileSync(
      forbidden,
      '#!/bin/sh\n[ "$1" = --version ] && exec bwrap --version\necho "bwrap: setting up uid map: Permission denied" >&2\nexit 1\n',
      { mode: 0o755 },
    );
    await assert.rejects(createGate({ dataDir, jails: { bwrapPath: forbidden } }), (error: unknown) => {
      assert.ok(isErrorCode(error, "jail", "unavailable"));
      assert.match(error.message, /uid map: Permission denied/);
      return true;
    });
  });
});
