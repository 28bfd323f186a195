/** Runs the test files of one process, and reports on each of them. */
import { join, resolve } from "node:path";
import { run } from "node:test";
import type { TestEvent } from "node:test/reporters";
import { pathToFileURL } from "node:url";
import { ownImports } from "@holdfast/testing/own-imports";
import { root } from "../workspace.ts";
import { lingerVariable } from "./end-of-process.ts";
import { FileReport } from "./reporter.ts";
import { diskDirectory, needsDisk } from "./scratch-directory.ts";
import type { TestProcess } from "./test-process.ts";
import type { TestRun } from "./test-run.ts";

/** How long a test, and the process of its file, may take. */
export interface Timeouts {
  readonly testMs: number;
  readonly processMs: number;
  /** How long the process of one file may go on after its last test. */
  readonly lingerMs: number;
}

// A hang is a failure with a name, not a run that never ends: a test that hangs fails by itself, and
// what still keeps its process alive, or never lets it look at its clock, ends with the process.
const longTimeouts: Timeouts = { testMs: 480_000, processMs: 600_000, lingerMs: 60_000 };

/** Of files that share a process, which are short. */
const shortTimeouts: Timeouts = { testMs: 120_000, processMs: 300_000, lingerMs: 60_000 };

const groupProgram = join(import.meta.dirname, "group.ts");
const untrackedPromises = pathToFileURL(join(import.meta.dirname, "untracked-promises.ts")).href;
const endOfProcess = pathToFileURL(join(import.meta.dirname, "end-of-process.ts")).href;

/** A report on each file, and one on the whole group if no file explains how its process ended. */
export async function runProcess(
  { name, runs }: TestProcess,
  timeouts = runs.length === 1 ? longTimeouts : shortTimeouts,
): Promise<readonly FileReport[]> {
  const [first] = runs;
  if (runs.length === 1 && first !== undefined) return [await runFile(first, timeouts)];
  return runGroup(name, runs, timeouts);
}

async function runFile(test: TestRun, timeouts: Timeouts): Promise<FileReport> {
  const report = new FileReport(test.name);
  for await (const event of start([test], resolve(root, test.path), [], timeouts)) report.take(event);
  report.end();
  return print(report);
}

/**
 * Runs files in one process. Those that it did not come to, as one before them hung or ended it, run alone, and all do
 * where all have passed and the process did not end well: so the file that it is about is named. Where none is, the
 * group is what failed.
 */
async function runGroup(
  name: string,
  runs: readonly TestRun[],
  timeouts: Timeouts,
): Promise<readonly FileReport[]> {
  const group = new FileReport(name);
  const reports = new Map<TestRun, FileReport>();
  let events: TestEvent[] = [];
  const paths = runs.map(({ path }) => path);
  for await (const event of start(runs, groupProgram, paths, timeouts)) {
    const result = event.type === "test:pass" || event.type === "test:fail" ? event.data : undefined;
    events.push(event);
    if (result?.nesting !== 0) {
      if (result === undefined) group.take(event);
      continue;
    }
    const test = runs.find(({ path }) => path === result.name);
    if (test === undefined) {
      group.take(event);
      continue;
    }
    const report = new FileReport(test.name);
    for (const each of events) report.take(each);
    report.end(result.details.duration_ms / 1000);
    reports.set(test, report);
    events = [];
  }
  const missing = runs.filter((test) => !reports.has(test));
  const failed = () => [...reports.values()].some(({ ok }) => !ok);
  const again = missing.length > 0 ? missing : group.ok || failed() ? [] : runs;
  for (const [test, report] of reports) if (!again.includes(test)) print(report);
  for (const test of again) reports.set(test, await runFile(test, timeouts));
  return group.ok || failed() ? [...reports.values()] : [...reports.values(), print(group)];
}

function start(
  runs: readonly TestRun[],
  file: string,
  argv: readonly string[],
  { testMs, processMs, lingerMs }: Timeouts,
): AsyncIterable<TestEvent> {
  const env: NodeJS.ProcessEnv = { ...process.env, HOLDFAST_TEST_STORE: runs[0]?.store ?? "sqlite" };
  if (runs.some(({ path }) => needsDisk(path))) Object.assign(env, { TMPDIR: diskDirectory });
  // Files of a group are imported by suites, so that their tests are found by promises.
  const isGroup = file === groupProgram;
  const loaded = isGroup ? [] : ["--import", untrackedPromises, "--import", endOfProcess];
  if (!isGroup) env[lingerVariable] = `${lingerMs}`;
  return run({
    files: [file],
    argv: [...argv],
    cwd: root,
    env,
    isolation: "process",
    execArgv: ["--disable-warning=ExperimentalWarning", ...loaded, ...ownImports],
    timeout: testMs,
    signal: AbortSignal.timeout(processMs),
  });
}

function print(report: FileReport): FileReport {
  console.log(`${report}`);
  return report;
}
