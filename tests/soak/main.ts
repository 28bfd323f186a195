/**
 * `npm run soak -- --tasks 1000`: runs demo tasks one after the other in real jails and fails unless
 * memory, descriptors and processes stay flat. The first tenth is warm-up; after it the medians of the
 * second and of the last tenth are compared.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createStudio, type Studio } from "@holdfast/studio";

interface Sample {
  readonly residentBytes: number;
  readonly descriptors: number;
  readonly processes: number;
}

const { values } = parseArgs({ options: { tasks: { type: "string", default: "1000" } } });
const tasks = Number(values.tasks);
if (!Number.isInteger(tasks) || tasks < 20) {
  console.error("--tasks takes a whole number of at least 20");
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "holdfast-soak-"));
const repository = join(directory, "repository");
const git = (...args: string[]) => execFileSync("git", args, { cwd: repository, stdio: "ignore" });
execFileSync("git", ["init", "-q", "-b", "main", repository]);
writeFileSync(join(repository, "README.md"), "# Soak\n");
git("add", "-A");
git("-c", "user.name=Soak", "-c", "user.email=soak@example.invalid", "commit", "-q", "-m", "start");

/** Processes below this one, at any depth. */
function descendants(): number {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended while we looked.
    }
  }
  let count = 0;
  for (let pid of parents.keys()) {
    while (pid > 1 && pid !== process.pid) pid = parents.get(pid) ?? 0;
    if (pid === process.pid) count++;
  }
  return count - 1;
}

function sample(): Sample {
  globalThis.gc?.();
  return {
    residentBytes: process.memoryUsage.rss(),
    descriptors: readdirSync("/proc/self/fd").length,
    processes: descendants(),
  };
}

/** One task from prompt to the end of its turn. */
async function runTask(studio: Studio, number: number): Promise<void> {
  const created = await studio.client.organization.createTask({
    repository,
    agent: "demo",
    prompt: `add a line to the README without asking (${number})`,
  });
  const task = studio.client.task(created.id);
  let settle: (status: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    settle = resolve;
  });
  const ends = (status: string) => status === "idle" || status === "failed" || status === "stopped";
  const subscription = await task.on("changed", (view) => {
    if (ends(view.status)) settle(view.status);
  });
  const view = await task.get();
  if (ends(view.status)) settle(view.status);
  const status = await ended;
  await subscription.close();
  if (status !== "idle") throw new Error(`task ${number} ended as ${status}`);
  const diff = await task.diff();
  if (diff.files.length !== 1) throw new Error(`task ${number} changed ${diff.files.length} files`);
  await task.stop();
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const studio = await createStudio({ dataDirectory: join(directory, "data") });
const samples: Sample[] = [];
try {
  const started = Date.now();
  for (let number = 1; number <= tasks; number++) {
    await runTask(studio, number);
    samples.push(sample());
    if (number % Math.max(1, Math.floor(tasks / 20)) === 0) {
      const last = sample();
      const seconds = Math.round((Date.now() - started) / 1000);
      console.log(
        `${number} tasks in ${seconds} s: ${Math.round(last.residentBytes / 1e6)} MB, ${last.descriptors} descriptors, ${last.processes} processes`,
      );
    }
  }
} finally {
  await studio.close();
  rmSync(directory, { recursive: true, force: true });
}

const tenth = Math.floor(tasks / 10);
const early = samples.slice(tenth, tenth * 2);
const late = samples.slice(-tenth);
const grew = (pick: (item: Sample) => number) => [median(early.map(pick)), median(late.map(pick))] as const;
const [memoryBefore, memoryAfter] = grew((item) => item.residentBytes);
const [descriptorsBefore, descriptorsAfter] = grew((item) => item.descriptors);
const [processesBefore, processesAfter] = grew((item) => item.processes);
console.log(`memory ${Math.round(memoryBefore / 1e6)} -> ${Math.round(memoryAfter / 1e6)} MB`);
console.log(`descriptors ${descriptorsBefore} -> ${descriptorsAfter}`);
console.log(`processes ${processesBefore} -> ${processesAfter}`);
const flat =
  memoryAfter <= memoryBefore * 1.2 + 10e6 &&
  descriptorsAfter <= descriptorsBefore + 4 &&
  processesAfter <= processesBefore + 2;
console.log(flat ? "flat" : "NOT FLAT");
process.exit(flat ? 0 : 1);
