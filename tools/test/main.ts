/**
 * `npm test`: all files but those before a release, for real, the longest files first and several at a time. Short ones of a package share a process.
 * `npm test -- PATTERN...` runs the files whose path contains one of the patterns; with `--store cluster` or
 * `--store sqlite`, only on that store.
 * `npm run test:release`: the files before a release, which `npm test` leaves out.
 * With CI=true a skipped test fails the run.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createOriginalData, startSharedServer } from "@holdfast/testing/postgres";
import { ensureSystemPackages } from "../system-packages.ts";
import { root, sourceFiles } from "../workspace.ts";
import { Lanes } from "./lanes.ts";
import type { FileReport } from "./reporter.ts";
import { runProcess } from "./run-process.ts";
import { TestSchedule } from "./schedule.ts";
import { createScratchDirectory } from "./scratch-directory.ts";
import { processesOf, type TestProcess } from "./test-process.ts";
import { runsOf, type TestStore, testStores } from "./test-run.ts";
import { keepTestTimes, readTestTimes } from "./times.ts";

/**
 * What takes minutes, and what few changes can break: what strangers are given (packed packages, projects and images
 * made of them, products to copy, files to deploy with, other runtimes, the site), how every screen looks in each
 * width and theme, sizes far above the usual ones, and sandboxes of other vendors.
 */
const releaseSuites =
  /^(tests\/(packed|site|products|deploy|runtimes|looks|scale)|packages\/sandbox-client\/tests\/vendors)\//;

/** How often is looked whether the cores have time for another file. */
const lookMs = 3_000;

/** Files that may be flaky in a run of everything; more fail it at once. */
const maxFlakyFiles = 3;

/** What needs the packages of a cluster. */
const databasesPath = "packages/store-postgres/";

/**
 * Most of the life of a short process goes into stripping types and compiling. What Node made of a
 * module is kept for the hundreds of processes that load it after the first.
 */
function keepCompiled(whole: boolean): void {
  const directory = join(root, ".cache", "compiled");
  // Modules that tests write to folders of their own would add up over the runs.
  if (whole) rmSync(directory, { recursive: true, force: true });
  process.env["NODE_COMPILE_CACHE"] = directory;
}

/** What most files load, kept from the start: a long file keeps nothing before its end. */
async function compileFirst(): Promise<void> {
  const packages = ["holdfast", "@holdfast/sandbox", "@holdfast/studio", "@holdfast/test-kit"];
  const script = `for (const name of ${JSON.stringify(packages)}) await import(name); process.exit();`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: root,
    stdio: "ignore",
  });
  // A module that does not load fails the tests that load it.
  await once(child, "exit");
}

/** What git sees as changed or new. Where git or its folder is missing, there is nothing to compare. */
function gitChanges(): string[] {
  const { stdout } = spawnSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" });
  return stdout.split("\n").filter((line) => line !== "");
}

async function runAll(processes: readonly TestProcess[]): Promise<FileReport[]> {
  const schedule = new TestSchedule(processes, readTestTimes());
  const lanes = new Lanes();
  const reports: FileReport[] = [];
  const seconds = new Map<string, number>();
  let running = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fill = () => {
    while (lanes.allows(running)) {
      const next = schedule.take();
      if (next === undefined) break;
      running += 1;
      void runProcess(next).then((ended) => {
        running -= 1;
        schedule.ended(next);
        reports.push(...ended);
        for (const { ok, name, seconds: each } of ended)
          if (ok) seconds.set(name, Math.round(each * 10) / 10);
        fill();
      }, reject);
    }
    if (running === 0) resolve();
  };
  const timer = setInterval(() => {
    lanes.look();
    fill();
  }, lookMs);
  fill();
  await promise.finally(() => clearInterval(timer));
  keepTestTimes(seconds);
  return reports;
}

/**
 * Runs the files that failed once more, each alone, and groups of which no file failed together. One that passes then
 * is flaky: a bug as well, which is named, but not one of the change that is tested. Returns the reports with those of the second runs in the place of the first.
 */
async function runAgain(
  reports: readonly FileReport[],
  processes: readonly TestProcess[],
): Promise<SecondRun> {
  const failedNames = new Set(reports.filter(({ ok }) => !ok).map(({ name }) => name));
  const alone = processes.flatMap(({ runs }) => runs.map((run) => ({ name: run.name, runs: [run] })));
  const groups = processes.filter(({ runs }) => runs.length > 1);
  const failed = [...alone, ...groups].filter(({ name }) => failedNames.has(name));
  if (failed.length > maxFlakyFiles) return { reports, flaky: [] };
  const settled = new Map(reports.map((report) => [report.name, report]));
  const flaky: string[] = [];
  for (const process of failed) {
    console.log(`again, alone: ${process.name}`);
    const second = await runProcess(process);
    const { failures = [] } = settled.get(process.name) ?? {};
    // A process that ended early has no test that failed.
    if (second.every(({ ok }) => ok)) flaky.push(...(failures.length > 0 ? failures : [process.name]));
    settled.delete(process.name);
    for (const report of second) settled.set(report.name, report);
  }
  return { reports: [...settled.values()], flaky };
}

interface SecondRun {
  readonly reports: readonly FileReport[];
  /** A line of each failure that did not come back. */
  readonly flaky: readonly string[];
}

interface Selection {
  readonly patterns: readonly string[];
  readonly stores: readonly TestStore[];
  readonly release: boolean;
}

function readArguments(): Selection {
  const { values, positionals: patterns } = parseArgs({
    options: { store: { type: "string" }, release: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const { release } = values;
  if (values.store === undefined) return { patterns, stores: testStores, release };
  const store = testStores.find((each) => each === values.store);
  if (store !== undefined) return { patterns, stores: [store], release };
  console.error(`There is no store "${values.store}" for tests: use ${testStores.join(" or ")}`);
  process.exit(2);
}

const { patterns, stores, release } = readArguments();
const started = performance.now();
const files = sourceFiles()
  // Those of the templates run in a project that is made of them.
  .filter((path) => path.endsWith(".test.ts") && !path.includes("/templates/"))
  .filter((path) =>
    patterns.length === 0
      ? releaseSuites.test(path) === release
      : patterns.some((pattern) => path.includes(pattern)),
  );
const runs = runsOf(files, stores);
if (runs.length === 0) {
  console.error(`No test file matches: ${patterns.join(" ")}`);
  process.exit(2);
}
const needsCluster = runs.some(({ store }) => store === "cluster");
await ensureSystemPackages([...runs.map(({ path }) => path), ...(needsCluster ? [databasesPath] : [])]);
// Whoever names a directory wants it used.
const scratch = process.env["TMPDIR"] === undefined ? createScratchDirectory() : undefined;
if (scratch !== undefined) process.env["TMPDIR"] = scratch;
// Hundreds of gates start, on one machine: the first proves its jails. Tests of the proof give no such file.
process.env["HOLDFAST_JAIL_PROOF_FILE"] = join(tmpdir(), "jail-proof.json");
if (needsCluster) {
  createOriginalData();
  process.env["HOLDFAST_TEST_POSTGRES"] = await startSharedServer();
}
const whole = patterns.length === 0 && stores.length === testStores.length;
keepCompiled(whole);

const before = whole ? gitChanges() : [];
const processes = processesOf(runs);
const [first] = await Promise.all([runAll(processes), whole ? compileFirst() : undefined]);
const repeats = whole || process.env["CI"] === "true";
const { reports, flaky } = repeats ? await runAgain(first, processes) : { reports: first, flaky: [] };
const skips = reports.flatMap((report) => report.skips);
const sum = (count: (report: FileReport) => number) => reports.reduce((all, each) => all + count(each), 0);
const embedded = reports.flatMap((report) => report.embeddedOnly);
for (const skipped of embedded) console.log(`not on a cluster: ${skipped.replaceAll("\n", " ")}`);
for (const skipped of skips) console.log(`skipped: ${skipped.replaceAll("\n", " ")}`);
// Again at the end, where they are seen first.
for (const failure of flaky) console.log(`flaky: ${failure}`);
for (const failure of reports.flatMap(({ failures }) => failures)) console.log(`failed: ${failure}`);
if (embedded.length > 0) console.log(`${embedded.length} about one process only`);
if (flaky.length > 0) console.log(`${flaky.length} flaky`);
console.log(`${runs.length} files in ${Math.round((performance.now() - started) / 1000)} s`);
console.log(
  `${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed, ${skips.length} skipped`,
);
const skipsFail = process.env["CI"] === "true" && skips.length > 0;
if (skipsFail) console.error("In CI nothing is skipped: see the reasons above");
const left = whole ? gitChanges().filter((line) => !before.includes(line)) : [];
if (left.length > 0) console.error(`The run left or changed files in the repository:\n${left.join("\n")}`);
if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
process.exit(reports.every((report) => report.ok) && !skipsFail && left.length === 0 ? 0 : 1);
