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

/** One that is dead and not yet collected is not alive, though a signal would find it. */
function alive(jail: Jail): boolean {
  return startTime(jail.pid) !== undefined;
}

/** More than may be: those that are refused are told so, and it goes on with what it has. */
const threads = `
  import { Worker } from "node:worker_threads";
  for (let n = 0; n < 60; n++) new Worker("setInterval(() => {}, 1000)", { eval: true }).on("error", () => {});`;

/** Lets a bomb go off in a jail that has memory for all of it, until some of it was refused, and ends the jail. */
async function explode(lab: AttackLab, script: string) {
  // Its first process forks no more: refused itself, it would end, and the jail with it, before anybody looks.
  const bomb = await lab.start({
    args: ["-c", `${script}; exec sleep 1000`],
    limits: { ...limits, memoryBytes: 4 * limits.memoryBytes },
  });
  bomb.stderr.resume();
  const refused = await until(() => (bomb.usage().pidsRefused ?? 0) > 0);
  const count = bomb.usage().pids ?? 0;
  await bomb.stop({ graceMs: 0 });
  return { refused, count, alive: alive(bomb) };
}

export const resourceAttacks: readonly Attack[] = [
  {
    id: "resources.fork_bomb",
    group: "resources",
    attempt: "a fork bomb, a thread bomb",
    must: "forks and threads are refused; they end with the jail; the host works on",
    layer: "control group: pids",
    needs: ["limits.pids"],
    run: async (lab) => {
      const bombs = {
        forks: "bomb() { bomb | bomb & }; bomb",
        threads: `/opt/holdfast/node --input-type=module -e '${threads}' & :`,
      };
      const ends = await Promise.all(Object.values(bombs).map((script) => explode(lab, script)));
      const after = await lab.shell("echo fine");
      return {
        stopped: ends.every(({ refused, count, alive }) => refused && count <= limits.pids && !alive),
        observed: `at most ${limits.pids} processes, more are refused`,
        control: { worked: after.stdout === "fine\n", observed: "another jail starts" },
      };
    },
  },
  {
    id: "resources.memory",
    group: "resources",
    attempt: "a memory balloon, a tmpfs as memory; a file larger than the memory, read again and again",
    must: "the jail is ended, nothing else; what is cached of files counts, and goes",
    layer: "control group: memory",
    needs: ["limits.memory"],
    run: async (lab) => {
      const neighbour = await lab.start({ args: ["-c", "sleep 1000"], limits });
      const balloon = await lab.shell("exec tail -n 1 </dev/zero", { limits });
      const fileBytes = 3 * limits.memoryBytes;
      const reader = await lab.start({
        args: ["-c", `head -c ${fileBytes} /dev/zero >file; cat file file >/dev/null; wc -c <file`],
        mounts: [{ source: lab.directory("cache"), target: "/workspace", mode: "rw" }],
        ...{ cwd: "/workspace", limits: { memoryBytes: limits.memoryBytes } },
      });
      const read = await lab.finish(reader);
      // A kernel in user space has some more for itself.
      const { memoryPeakBytes = 0 } = reader.usage();
      const cached = read.stdout.trim() === String(fileBytes) && memoryPeakBytes < fileBytes;
      const survived = alive(neighbour);
      await neighbour.stop({ graceMs: 0 });
      return {
        stopped: balloon.reason === "memory" && cached,
        observed: `ended by the kernel: ${balloon.reason}; the file: ${cached ? "read, within the limit" : read.reason}`,
        control: { worked: survived, observed: "a jail beside it lives on" },
      };
    },
  },
  {
    id: "resources.cpu",
    group: "resources",
    attempt: "spin on every core, real-time priority, nice",
    must: "bounded by the quota; priority is refused",
    layer: "control group: cpu; no capability",
    needs: ["limits.cpu", "privileges.none"],
    run: async (lab) => {
      const script = `
        import os from "node:os"; import { Worker } from "node:worker_threads";
        let raised; try { os.setPriority(0, -20); raised = "raised"; } catch (error) { raised = error.code ?? error.info?.code ?? "refused"; }
        const workers = [0, 1].map(() => new Worker("const end = Date.now() + 800; while (Date.now() < end);", { eval: true }));
        await Promise.all(workers.map((worker) => new Promise((done) => worker.once("exit", done))));
        const { user, system } = process.cpuUsage();
        console.log(JSON.stringify({ raised, share: String((user + system) / 1e6 / process.uptime()) }));`;
      const bounded = await lab.timed(script, { limits });
      // A loaded machine gives less than the quota by itself; that nothing held the other back is certain.
      const free = await lab.timed(script, {});
      return {
        // A quota is exact over its periods only; twice the share is still far from two cores.
        stopped:
          // gVisor's clocks of processes are estimates of its own; there the group's count is what is sure.
          (Number(bounded.answers["share"]) < limits.cpus * 2 ||
            (lab.ownKernel && (bounded.usage.cpuThrottledPeriods ?? 0) > 0)) &&
          (bounded.answers["raised"] !== "raised" || lab.ownKernel),
        observed: `${limits.cpus} cores allowed; priority: ${bounded.answers["raised"]}`,
        control: {
          worked: (free.usage.cpuThrottledPeriods ?? 0) === 0 && Number(free.answers["share"]) > 0,
          observed: "without the quota nothing holds it back",
        },
      };
    },
  },
  {
    id: "resources.outlive",
    group: "resources",
    attempt: "daemonise, fork twice, ignore SIGTERM, a session of its own",
    must: "all dead after stop",
    layer: "pid namespace: its first process takes all with it",
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
        observed: "nothing beats after stop",
        control: { worked: began, observed: "it did before" },
      };
    },
  },
  {
    id: "resources.stale_handle",
    group: "resources",
    attempt: "use the handle of an earlier jail on its successor of the same name",
    must: "the successor is not touched",
    layer: "jail handles hold their own process",
    run: async (lab) => {
      const first = await lab.start({ id: "attack-again", args: ["-c", "sleep 1000"] });
      await first.stop({ graceMs: 0 });
      const second = await lab.start({ id: "attack-again", args: ["-c", "sleep 1000"] });
      await first.stop({ graceMs: 0 });
      const survived = alive(second);
      await second.stop({ graceMs: 0 });
      return {
        stopped: survived,
        observed: "the successor runs on",
        control: { worked: !alive(second), observed: "its own handle ends it" },
      };
    },
  },
];
