/** What every driver of jails has to hold, whatever it is made of: run for each that this machine has. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { isErrorCode } from "@holdfast/core";
import { createGate, type Gate, type GateConfig, type GuaranteeName, type JailSpec } from "@holdfast/gate";
import { ownImports } from "@holdfast/testing/own-imports";
import { requiredGuarantees } from "../src/jail/guarantees.ts";
import { maskedProcFiles } from "../src/jail/host/masked-proc-files.ts";
import { isAlive, type ProcessIdentity, withDescendants } from "../src/jail/host/processes.ts";
import { usrConfigDirectories } from "../src/jail/host/usr-config-directories.ts";
import { type Disk, disksUnderMounts } from "../src/jail/resources/disk-throttling.ts";
import { assertExactRun } from "./exact-run.ts";
import { eventually, finish, firstLine, jailNode, shell, temporaryDirectory } from "./support.ts";

export interface DriverUnderTest {
  readonly name: NonNullable<NonNullable<GateConfig["jails"]>["driver"]>;
  /** Why it cannot be tried here, or false. */
  readonly skip: string | false;
  /** Of its gate; called once, before the first test. */
  readonly config: () => Promise<NonNullable<GateConfig["jails"]>>;
  /** Guarantees that it says it does not give. */
  readonly absent: readonly GuaranteeName[];
  /** Guarantees that a machine can lack, or a loaded one miss the proof of: declared absent, and not relied on. */
  readonly mayLack?: readonly GuaranteeName[];
  /** The processes of a jail on this machine, where they are no descendants of the pid that it has. */
  readonly processesOf?: (pid: number) => readonly ProcessIdentity[];
}

const typed = (code: string) => (error: unknown) => isErrorCode(error, "jail", code);

export function driverConformance({
  name,
  skip,
  config,
  absent,
  mayLack = [],
  processesOf = withDescendants,
}: DriverUnderTest): void {
  describe(`jails of ${name}`, { skip }, () => {
    const cleanups: (() => unknown)[] = [];
    const scratch = () => temporaryDirectory({ after: (end) => cleanups.push(end) });
    let gate: Gate;
    let dataDir = "";
    let victims = 0;
    before(async () => {
      dataDir = scratch();
      const options = JSON.stringify({ ...(await config()), driver: name });
      victims = await killHost([dataDir, options, scratch()], processesOf);
      gate = await createGate({
        dataDir,
        jails: { ...(await config()), driver: name },
        vault: { env: {}, logins: false },
      });
    });
    after(async () => {
      await gate?.close();
      for (const end of cleanups) end();
    });

    test("declare exactly what was proven, and refuse what needs more", async () => {
      const { guarantees } = gate.jails.driver;
      const lacking = guarantees.filter((each) => !each.held).map((each) => each.name);
      const unexpected = lacking.filter((each) => !mayLack.includes(each));
      assert.deepEqual(unexpected, absent, JSON.stringify(guarantees));
      assert.deepEqual(
        requiredGuarantees.filter((each) => !guarantees.some((one) => one.held && one.name === each)),
        [],
      );
      assert.ok(guarantees.every((each) => each.detail !== ""));
      for (const need of lacking) {
        await assert.rejects(
          gate.jails.start(shell("true", { requires: [need] })),
          typed("missing_guarantee"),
        );
      }
    });

    // Machines of their own have the /usr of an image, and none of the host's.
    if (name !== "apple-container")
      test("see nothing of what the host's owner set for programs below /usr", async () => {
        const folders = usrConfigDirectories();
        const script = `cd / && for each in ${folders.join(" ")}; do find $each -mindepth 1; grep -c " $each ro,.* - tmpfs " /proc/self/mountinfo; done`;
        const done = await finish(await gate.jails.start(shell(script)));
        assert.equal(done.stdout, folders.map(() => "1\n").join(""), done.stderr);
      });

    // Theirs is a kernel of its own, which tells nothing of the host.
    if (name !== "gvisor" && name !== "apple-container")
      test("see nothing of what the kernel tells of the host", async () => {
        const there = maskedProcFiles.filter((path) => existsSync(path));
        const done = await finish(await gate.jails.start(shell(`cat ${there.join(" ")} /proc/version`)));
        assert.match(done.stdout, /^Linux version/, done.stderr);
      });

    test("run a command with exactly its environment, arguments, directory and streams", async () => {
      await assertExactRun(gate.jails, scratch());
    });

    test("reach a host's socket that is mounted, and no other way out", async () => {
      const directory = scratch();
      const path = join(directory, "host.sock");
      const server = createServer((socket) => socket.end("hello"));
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const tcp = createServer((socket) => socket.end());
      await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
      const address = tcp.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const jail = await gate.jails.start(
        shell("", {
          command: jailNode.path,
          args: ["-e", dial, String(port)],
          mounts: [jailNode.mount, { source: path, target: "/run/holdfast/host.sock", mode: "ro" }],
        }),
      );
      const done = await finish(jail);
      server.close();
      tcp.close();
      const seen = JSON.parse(done.stdout) as { socket: string; addresses: Record<string, string> };
      assert.equal(seen.socket, "hello");
      for (const [to, outcome] of Object.entries(seen.addresses)) assert.notEqual(outcome, "connected", to);
    });

    test("write their workspace and nothing else of the host", async () => {
      const directory = scratch();
      for (const part of ["ro", "rw"]) mkdirSync(join(directory, part));
      writeFileSync(join(directory, "secret"), "secret");
      const jail = await gate.jails.start(
        shell(
          `for path in /ro/x /x /usr/x /etc/x /home/x /proc/sys/kernel/domainname; do
             if (echo x >$path) 2>/dev/null; then echo "wrote $path"; fi
           done
           [ -e ${join(directory, "secret")} ] && echo "saw the host"
           echo y >/rw/file && echo z >/tmp/file && echo done`,
          {
            mounts: [
              { source: join(directory, "ro"), target: "/ro", mode: "ro" },
              { source: join(directory, "rw"), target: "/rw", mode: "rw" },
            ],
          },
        ),
      );
      assert.equal((await finish(jail)).stdout, "done\n");
      assert.deepEqual(readdirSync(join(directory, "ro")), []);
      assert.equal(readFileSync(join(directory, "rw", "file"), "utf8"), "y\n");
    });

    test("have devices that can be used, and not changed for the host", async () => {
      const devices = ["null", "zero", "full", "random", "urandom", "tty"].map((each) => `/dev/${each}`);
      const changedAt = () => devices.map((path) => `${path} ${statSync(path).ctimeMs}`);
      const before = changedAt();
      // The modes that they have: nothing is changed where this is not refused.
      const attempts = devices.map((path) => `chmod ${(statSync(path).mode & 0o777).toString(8)} ${path}`);
      const jail = await gate.jails.start(
        shell(`echo x >/dev/null && head -c 1 /dev/zero | od -An -tx1 && head -c 1 /dev/urandom | wc -c
          [ -c /dev/tty ] && : <>/dev/ptmx && echo y >/dev/shm/file && cat /dev/shm/file
          (${attempts.join("; ")}) 2>/dev/null`),
      );
      assert.deepEqual((await finish(jail)).stdout.trim().split(/\s+/), ["00", "1", "y"]);
      assert.deepEqual(changedAt(), before);
    });

    test("give what a command said, also to who writes to it after its end", async () => {
      const jail = await gate.jails.start(shell("echo said; echo wrong >&2"));
      // Nothing is read meanwhile: what it said and its end are met together, behind the write.
      const pause = new Int32Array(new SharedArrayBuffer(4));
      const family = processesOf(jail.pid);
      while (family.some(isAlive)) Atomics.wait(pause, 0, 0, 10);
      // What stands between passes it on.
      Atomics.wait(pause, 0, 0, 300);
      jail.stdin.on("error", () => {});
      const { stdout, stderr, code } = await finish(jail, "late");
      assert.deepEqual([stdout, stderr, code], ["said\n", "wrong\n", 0]);
    });

    test("say how a command ended, and hand SIGTERM on", async () => {
      const run = async (command: string) => finish(await gate.jails.start(shell(command)));
      assert.deepEqual([(await run("exit 0")).code, (await run("exit 41")).code], [0, 41]);
      const killed = await run("kill -KILL $$");
      assert.deepEqual([killed.code, killed.reason], [137, "killed"]);
      const none = await finish(await gate.jails.start(shell("", { command: "/no/such/program", args: [] })));
      assert.notEqual(none.code, 0);
      assert.match(none.stderr, /no\/such\/program/);
      const polite = await gate.jails.start(
        shell("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"),
      );
      await firstLine(polite);
      const rest: string[] = [];
      polite.stdout.on("data", (chunk) => rest.push(String(chunk)));
      const exit = await polite.stop({ graceMs: 10_000 });
      assert.deepEqual([exit.code, rest.join("")], [7, "bye\n"]);
    });

    test("leave nothing alive after stop, neither daemons nor what ignores signals", async () => {
      const directory = scratch();
      const jail = await gate.jails.start(
        shell(
          `trap '' TERM HUP INT
           setsid sh -c 'trap "" TERM HUP INT; while :; do echo x >>/rw/beat; sleep 0.02; done' >/dev/null 2>&1 &
           while [ ! -s /rw/beat ]; do sleep 0.02; done; echo ready; while :; do sleep 1; done`,
          { mounts: [{ source: directory, target: "/rw", mode: "rw" }] },
        ),
      );
      await firstLine(jail);
      const family = processesOf(jail.pid);
      assert.ok(family.length >= 2);
      const exit = await jail.stop({ graceMs: 0 });
      assert.equal(exit.reason, "stopped");
      assert.deepEqual(await jail.stop(), exit);
      await eventually("all are dead", () => !family.some(isAlive));
      assert.deepEqual(gate.jails.list(), []);
    });

    // Who starts a machine of its own is not told what was killed in it.
    if (name !== "apple-container")
      test("end at the memory limit, and nothing else does", {
        skip: absent.includes("limits.memory") && "declared absent",
      }, async (t) => {
        const found = gate.jails.driver.guarantees.find((each) => each.name === "limits.memory");
        if (found?.held !== true) return t.skip(`declared absent: ${found?.detail}`);
        const other = await gate.jails.start(shell("cat"));
        const jail = await gate.jails.start(
          shell("exec dd if=/dev/zero of=/dev/null bs=256M count=1", {
            limits: { memoryBytes: 48 * 1024 * 1024 },
          }),
        );
        const { reason } = await finish(jail);
        // Where the engine's account of it can be lost, the command has ended all the same.
        assert.ok(reason === "memory" || (mayLack.includes("limits.memory") && reason === "killed"), reason);
        assert.equal((await finish(other, "alive")).stdout, "alive");
      });

    test("have what they read and write in a second bounded for each disk, or are refused", async () => {
      const limits = { diskReadBytesPerSecond: 4_194_304, diskWritesPerSecond: 100 };
      const spec = shell("echo ready; cat", {
        limits,
        mounts: [{ source: scratch(), target: "/rw", mode: "rw" }],
      });
      const held = gate.jails.driver.guarantees.some((each) => each.name === "limits.io" && each.held);
      const disks = held ? boundDisks(spec) : undefined;
      // Where it could not be held, or the workspace is on no disk, nothing is started without.
      if (disks === undefined) {
        await assert.rejects(gate.jails.start(spec), typed("missing_guarantee"));
        return;
      }
      const jail = await gate.jails.start(spec);
      await firstLine(jail);
      const told = throttledAt(jail.pid);
      await jail.stop({ graceMs: 0 });
      for (const { major, minor } of disks) {
        assert.match(told.read, new RegExp(`^${major}:${minor} (4194304$|.*rbps=4194304 )`, "m"));
        assert.match(told.write, new RegExp(`^${major}:${minor} (100$|.*wiops=100$)`, "m"));
      }
    });

    test("have a name that no running one has, and bad specs start nothing", async () => {
      const jail = await gate.jails.start(shell("cat", { id: "same" }));
      await assert.rejects(gate.jails.start(shell("cat", { id: "same" })), typed("duplicate_id"));
      await jail.stop({ graceMs: 0 });
      await finish(await gate.jails.start(shell("cat", { id: "same" })));
      const [first, second] = await Promise.allSettled([
        gate.jails.start(shell("echo fine", { id: "same" })),
        gate.jails.start(shell("echo fine", { id: "same" })),
      ]);
      assert.ok(second.status === "rejected" && typed("duplicate_id")(second.reason), inspect(second));
      assert.ok(first.status === "fulfilled", inspect(first));
      assert.equal((await finish(first.value)).stdout, "fine\n");
      await assert.rejects(gate.jails.start(shell("true", { id: "a/b" })), typed("invalid_spec"));
      assert.deepEqual(gate.jails.list(), []);
    });

    // Engines keep the records of their containers themselves, where nothing of ours can be in the way.
    if (name !== "podman" && name !== "docker") {
      test("that could not be made leave their ids free", async () => {
        const records = join(dataDir, "gate", "jails");
        rmSync(records, { recursive: true });
        await assert.rejects(gate.jails.start(shell("echo fine", { id: "unmade" })), { code: "ENOENT" });
        mkdirSync(records, { mode: 0o700 });
        const again = await gate.jails.start(shell("echo fine", { id: "unmade" }));
        assert.equal((await finish(again)).stdout, "fine\n");
      });
    }

    test("die with their host, and the next one finds nothing of them", async () => {
      // Of the host that was killed before this gate opened its directory.
      assert.ok(victims >= 2);
      assert.equal((await finish(await gate.jails.start(shell("echo fine", { id: "victim" })))).code, 0);
    });
  });
}

/** The disks that the bounds of a jail are of; undefined where it has a file system to write that is on none. */
function boundDisks(spec: JailSpec): readonly Disk[] | undefined {
  try {
    return disksUnderMounts(spec);
  } catch (error) {
    assert.ok(typed("missing_guarantee")(error), inspect(error));
    return undefined;
  }
}

/** What the control group of a process says of reads and of writes, in either version. */
function throttledAt(pid: number): { readonly read: string; readonly write: string } {
  const own = readFileSync(`/proc/${pid}/cgroup`, "utf8");
  const groupOf = (controller: string) => new RegExp(`^\\d+:${controller}:(.*)$`, "m").exec(own)?.[1];
  const first = join("/sys/fs/cgroup/blkio", groupOf("blkio") ?? "");
  if (existsSync(join(first, "blkio.throttle.read_bps_device"))) {
    return {
      read: readFileSync(join(first, "blkio.throttle.read_bps_device"), "utf8"),
      write: readFileSync(join(first, "blkio.throttle.write_iops_device"), "utf8"),
    };
  }
  const text = readFileSync(join("/sys/fs/cgroup", groupOf("") ?? "", "io.max"), "utf8");
  return { read: text, write: text };
}

/** Runs a host with a jail, kills it, and awaits the end of the jail: how many processes that was. */
async function killHost(
  args: readonly string[],
  processesOf: (pid: number) => readonly ProcessIdentity[],
): Promise<number> {
  const program = fileURLToPath(new URL("./host-of-driver.ts", import.meta.url));
  const host = spawn(process.execPath, [...ownImports, program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = await new Promise<number>((resolve, reject) => {
    host.stdout.once("data", (line) => resolve(Number(String(line))));
    host.once("exit", (code) => reject(new Error(`the host ended with ${code}`)));
  });
  const family = processesOf(pid);
  host.kill("SIGKILL");
  await eventually("all of the jail is dead", () => !family.some(isAlive), 20_000);
  return family.length;
}

const dial = `
  const net = require("node:net");
  const port = Number(process.argv[1]);
  const tcp = (host, port) => new Promise((done) => {
    const socket = net.connect({ host, port });
    socket.once("connect", () => { socket.destroy(); done("connected"); });
    socket.once("error", (error) => done(error.code));
  });
  (async () => {
    const addresses = {};
    for (const host of ["127.0.0.1", "::1", "10.0.0.1", "1.1.1.1", "169.254.169.254"]) addresses[host] = await tcp(host, port);
    let socket = "";
    net.connect("/run/holdfast/host.sock").on("data", (data) => { socket += data; }).once("close", () => console.log(JSON.stringify({ socket, addresses })));
  })();`;
