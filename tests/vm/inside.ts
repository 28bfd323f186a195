/** Runs in the virtual machine: the driver of jails on control groups of version 2, and nothing else. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { BubblewrapDriver } from "../../packages/gate/src/jail/bubblewrap/bubblewrap-driver.ts";
import type { Jail, JailLimits, JailMount } from "../../packages/gate/src/jail/jail.ts";
import { detectCgroups } from "../../packages/gate/src/jail/resources/cgroups.ts";

const groups = "/sys/fs/cgroup";
const megabyte = 1024 * 1024;
const driver = new BubblewrapDriver({ directory: "/tmp/gate" });

async function run(id: string, script: string, limits: JailLimits, mounts: readonly JailMount[] = []) {
  const jail = await start(id, script, limits, mounts);
  const [stdout, stderr, exit] = await Promise.all([text(jail.stdout), text(jail.stderr), jail.exited]);
  return { ...exit, stdout, stderr, usage: jail.usage() };
}

async function start(
  id: string,
  script: string,
  limits: JailLimits,
  mounts: readonly JailMount[] = [],
): Promise<Jail> {
  const spec = { id, command: "/bin/sh", args: ["-c", script], cwd: "/", env: { PATH: "/usr/bin:/bin" } };
  const jail = await driver.start({
    ...spec,
    mounts,
    network: "none",
    limits,
    requires: ["limits.memory"],
  });
  jail.stdin.end();
  return jail;
}

/** Values of the control group of a running jail. */
function fileOf(jail: Jail, name: string): string {
  const own = /^0::(.*)$/m.exec(readFileSync(`/proc/${jail.pid}/cgroup`, "utf8"))?.[1] ?? "";
  assert.match(own, /^\/holdfast-/);
  return readFileSync(join(groups, own, name), "utf8").trim();
}

const steps: Readonly<Record<string, () => Promise<void>>> = {
  "all controllers are those of version 2": async () => {
    const support = detectCgroups("holdfast-vm");
    assert.deepEqual(support.absent, {});
    assert.deepEqual(
      support.hierarchies.map(({ version, resources }) => [version, [...resources]]),
      [[2, ["memory", "pids", "cpu", "io"]]],
    );
  },
  "every guarantee is proven": async () => {
    const { ok, guarantees } = await driver.selfTest();
    assert.equal(ok, true, JSON.stringify(guarantees));
    assert.deepEqual(
      guarantees.filter((each) => !each.held),
      [],
    );
  },
  "the limits stand in memory.max, pids.max and cpu.max": async () => {
    const jail = await start("files", "sleep 1000", { memoryBytes: 64 * megabyte, pids: 20, cpus: 0.5 });
    const files = ["memory.max", "pids.max", "cpu.max"].map((name) => fileOf(jail, name));
    assert.deepEqual(files, [String(64 * megabyte), "20", "50000 100000"]);
    await jail.stop({ graceMs: 0 });
  },
  "memory.max ends a balloon, and its neighbour lives": async () => {
    const neighbour = await start("neighbour", "sleep 1000", {});
    const balloon = await run("balloon", "exec tail -n 1 </dev/zero", { memoryBytes: 48 * megabyte });
    assert.equal(balloon.reason, "memory");
    assert.ok((balloon.usage.memoryKills ?? 0) > 0);
    assert.ok((balloon.usage.memoryPeakBytes ?? 0) <= 48 * megabyte);
    assert.ok(existsSync(`/proc/${neighbour.pid}`));
    await neighbour.stop({ graceMs: 0 });
  },
  "pids.max refuses forks": async () => {
    const bomb = await run("bomb", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do sleep 1 & done; wait", {
      pids: 10,
    });
    assert.ok((bomb.usage.pidsRefused ?? 0) > 0);
  },
  "cpu.max holds back who spins": async () => {
    const spin = await run("spin", "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done", { cpus: 0.2 });
    assert.ok((spin.usage.cpuThrottledPeriods ?? 0) > 0, JSON.stringify(spin));
  },
  "io.max bounds what a disk reads and writes in a second, also what is written later": async () => {
    mkdirSync("/disk/work");
    const mounts = [{ source: "/disk/work", target: "/work", mode: "rw" }] as const;
    const seconds = async (id: string, copy: string, limits: JailLimits) => {
      const began = performance.now();
      const { code, stderr } = await run(id, `dd ${copy} 2>&1 >/dev/null`, limits, mounts);
      assert.equal(code, 0, `${id}: ${stderr}`);
      return (performance.now() - began) / 1_000;
    };
    const [from, to] = ["if=/dev/zero of=/work", "of=/dev/null if=/work"];
    const pieces = "bs=64k count=64";
    // Files to read, and how long four megabytes take where nothing holds them back.
    const free = await seconds("free", `${from}/free ${pieces} oflag=direct`, {});
    const bounded = await Promise.all([
      seconds("write", `${from}/a ${pieces} oflag=direct`, { diskWriteBytesPerSecond: megabyte }),
      seconds("writes", `${from}/b ${pieces} oflag=direct`, { diskWritesPerSecond: 16 }),
      seconds("later", `${from}/c ${pieces} conv=fsync`, { diskWriteBytesPerSecond: megabyte }),
      seconds("read", `${to}/free ${pieces} iflag=direct`, { diskReadBytesPerSecond: megabyte }),
      seconds("reads", `${to}/free ${pieces} iflag=direct`, { diskReadsPerSecond: 16 }),
    ]);
    // Four seconds' worth of each; the kernel gives the first part of one ahead.
    for (const each of bounded) assert.ok(each >= 3 && each > free, JSON.stringify({ free, bounded }));
    const jail = await start("io", "sleep 1000", { diskReadBytesPerSecond: megabyte }, mounts);
    assert.match(fileOf(jail, "io.max"), /^\d+:\d+ rbps=1048576 wbps=max riops=max wiops=max$/);
    await jail.stop({ graceMs: 0 });
  },
  "a jail whose writes cannot be bounded is not started": async () => {
    const mounts = [{ source: "/proc", target: "/work", mode: "rw" }] as const;
    await assert.rejects(start("nowhere", "true", { diskWritesPerSecond: 16 }, mounts), /on no single disk/);
  },
  "cgroup.kill ends all, and no group is left": async () => {
    const jail = await start("daemons", "trap '' TERM; (setsid sleep 1000 &) ; sleep 1000", {});
    await jail.stop({ graceMs: 0 });
    assert.ok(!existsSync(`/proc/${jail.pid}`));
    const bases = readdirSync(groups).filter((name) => name.startsWith("holdfast-"));
    const left = bases.flatMap((base) =>
      readdirSync(join(groups, base), { withFileTypes: true }).filter((each) => each.isDirectory()),
    );
    assert.deepEqual(
      left.map((each) => each.name),
      [],
    );
    await driver.close();
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`STEP ok ${name}`);
  } catch (error) {
    console.log(`STEP failed ${name}: ${String(error).replaceAll("\n", " ")}`);
  }
}
console.log("STEPS done");
