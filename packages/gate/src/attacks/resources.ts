import { startTime } from "../jail/host/processes.ts";
import type { Jail } from "../jail/jail.ts";
import type { Attack } from "./attack.ts";
import type { AttackLab } from "./lab/lab.ts";

const limits = { pids: 40, memoryBytes: 128 * 1024 * 1024, cpus: 0.5 };

async function until(condition: () => boolean, timeoutMs = 30_000): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

/** A zombie is not alive, although it can receive signals. */
function alive(jail: Jail): boolean {
  return startTime(jail.pid) !== undefined;
}

/** More threads than allowed: refused ones report an error, and the others continue. */
const threads = `
  import { Worker } from "node:worker_threads";
  for (let n = 0; n < 60; n++) new Worker("setInterval(() => {}, 1000)", { eval: true }).on("error", () => {});`;

/** Runs a bomb in a jail with enough memory until some of it is refused, then stops the jail. */
async function explode(lab: AttackLab, script: string) {
  // The first process forks once, before the bomb: if a fork of its own were refused, it would end the jail, and with it
  // the counters, before the check.
  const bomb = await lab.start({
    args: ["-c", `${script}; exec sleep 1000`],
    limits: { ...limits, memoryBytes: 4 * limits.memoryBytes },
  });
  bomb.stderr.resume();
  // Half a processor, on a busy machine: starting 40 threads of Node can take most of a minute.
  const refused = await until(() => (bomb.usage().pidsRefused ?? 0) > 0, 90_000);
  const count = bomb.usage().pids ?? 0;
  await bomb.stop({ graceMs: 0 });
  return { refused, count, alive: alive(bomb) };
}

export const resourceAttacks: readonly Attack[] = [
  {
    id: "resources.fork_bomb",
    group: "resources",
    attempt: "a fork bomb, a thread bomb",
    must: "forks and threads are refused and end with the jail; the host continues",
    layer: "control group: pids",
    needs: ["limits.pids"],
    run: async (lab) => {
      const bombs = {
        forks: "bomb() { bomb | bomb & }; (bomb) & :",
        threads: `/opt/holdfast/node --input-type=module -e '${threads}' & :`,
      };
      const ends = await Promise.all(Object.values(bombs).map((script) => explode(lab, script)));
      const after = await lab.shell("echo fine");
      const stopped = ends.every(({ refused, count, alive }) => refused && count <= limits.pids && !alive);
      return {
        stopped,
        observed: stopped ? `at most ${limits.pids} processes, more are refused` : JSON.stringify(ends),
        control: { worked: after.stdout === "fine\n", observed: "another jail starts" },
      };
    },
  },
  {
    id: "resources.memory",
    group: "resources",
    attempt: "a memory balloon, memory through tmpfs; a file larger than memory, read repeatedly",
    must: "only the jail is killed; cached file pages count and are reclaimed",
    layer: "control group: memory",
    needs: ["limits.memory"],
    run: async (lab) => {
      const memoryBytes = 64 * 1024 * 1024;
      const neighbour = await lab.start({ args: ["-c", "sleep 1000"], limits: { memoryBytes } });
      const balloon = await lab.shell(`exec dd if=/dev/zero of=/dev/null bs=${4 * memoryBytes} count=1`, {
        limits: { memoryBytes },
      });
      const fileBytes = 3 * memoryBytes;
      const reader = await lab.start({
        // In large blocks: a system call costs far more in a user-space kernel.
        args: [
          "-c",
          `dd if=/dev/zero of=file bs=1M count=${fileBytes >> 20} 2>/dev/null; cat file file >/dev/null; wc -c <file`,
        ],
        mounts: [{ source: lab.directory("cache"), target: "/workspace", mode: "rw" }],
        ...{ cwd: "/workspace", limits: { memoryBytes } },
      });
      const read = await lab.finish(reader);
      // A user-space kernel uses some memory of its own.
      const { memoryPeakBytes = 0 } = reader.usage();
      const cached = read.stdout.trim() === String(fileBytes) && memoryPeakBytes < fileBytes;
      const survived = alive(neighbour);
      await neighbour.stop({ graceMs: 0 });
      return {
        stopped: balloon.reason === "memory" && cached,
        observed: `ended by the kernel: ${balloon.reason}; the file: ${cached ? "read, within the limit" : read.reason}`,
        control: { worked: survived, observed: "another jail keeps running" },
      };
    },
  },
  {
    id: "resources.cpu",
    group: "resources",
    attempt: "busy loops on every core, real-time priority, nice",
    must: "limited by the quota; priorities are refused",
    layer: "control group: cpu; no capability",
    needs: ["limits.cpu", "privileges.none"],
    run: async (lab) => {
      const script = `
        import os from "node:os"; import { Worker } from "node:worker_threads";
        let raised; try { os.setPriority(0, -20); raised = "raised"; } catch (error) { raised = error.code ?? error.info?.code ?? "refused"; }
        const workers = [0, 1].map(() => new Worker("const end = Date.now() + 400; while (Date.now() < end);", { eval: true }));
        await Promise.all(workers.map((worker) => new Promise((done) => worker.once("exit", done))));
        const { user, system } = process.cpuUsage();
        console.log(JSON.stringify({ raised, share: String((user + system) / 1e6 / process.uptime()) }));`;
      const bounded = await lab.timed(script, { limits });
      // A loaded machine may give less than the quota anyway. The control without a quota is certain.
      const free = await lab.timed(script, {});
      return {
        // A quota is exact over complete periods only. Twice the share is still far from two cores.
        stopped:
          // gVisor estimates process times, so its control group is measured instead.
          (Number(bounded.answers["share"]) < limits.cpus * 2 ||
            (lab.ownKernel && (bounded.usage.cpuThrottledPeriods ?? 0) > 0)) &&
          (bounded.answers["raised"] !== "raised" || lab.ownKernel),
        observed: `${limits.cpus} cores allowed; priority: ${bounded.answers["raised"]}`,
        control: {
          worked: (free.usage.cpuThrottledPeriods ?? 0) === 0 && Number(free.answers["share"]) > 0,
          observed: "without the quota, it uses more",
        },
      };
    },
  },
  {
    id: "resources.outlive",
    group: "resources",
    attempt: "daemonise: double fork, ignore SIGTERM, new session",
    must: "all dead after stop",
    layer: "pid namespace: all processes end with the first",
    needs: ["processes.all_stopped"],
    run: async (lab) => {
      const directory = lab.directory("outlive");
      const jail = await lab.start({
        args: [
          "-c",
          "trap '' TERM; (setsid sh -c 'trap \"\" TERM HUP; while :; do date +%N >/workspace/beat; sleep 0.02; done' &) & while :; do sleep 1; done",
        ],
        mounts: [{ source: directory, target: "/workspace", mode: "rw" }],
      });
      const { statSync } = await import("node:fs");
      const beat = () => {
        try {
          return statSync(`${directory}/beat`).mtimeMs;
        } catch {
          return 0;
        }
      };
      const began = await until(() => beat() > 0);
      await jail.stop({ graceMs: 50 });
      const last = beat();
      await new Promise((resolve) => setTimeout(resolve, 150));
      return {
        stopped: began && beat() === last && !alive(jail),
        observed: "no heartbeat after stop",
        control: { worked: began, observed: "a heartbeat before stop" },
      };
    },
  },
  {
    id: "resources.stale_handle",
    group: "resources",
    attempt: "use the handle of a stopped jail on its successor with the same name",
    must: "the successor is not touched",
    layer: "jail handles refer to their own process",
    run: async (lab) => {
      const first = await lab.start({ id: "attack-again", args: ["-c", "sleep 1000"] });
      await first.stop({ graceMs: 0 });
      const second = await lab.start({ id: "attack-again", args: ["-c", "sleep 1000"] });
      await first.stop({ graceMs: 0 });
      const survived = alive(second);
      await second.stop({ graceMs: 0 });
      return {
        stopped: survived,
        observed: "the successor keeps running",
        control: { worked: !alive(second), observed: "its own handle stops it" },
      };
    },
  },
];
