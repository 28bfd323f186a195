/**
 * `npm test`: everything, for real, the longest files first and several at a time.
 * `npm test -- PATTERN...` runs the files whose path contains one of the patterns.
 * With CI=true a skipped test fails the run.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { ensureSystemPackages } from "../system-packages.ts";
import { root, sourceFiles } from "../workspace.ts";
import { FileReport } from "./reporter.ts";
import { TestSchedule } from "./schedule.ts";
import { keepTestTimes, readTestTimes } from "./times.ts";

// Many files wait for processes, sockets and disks for part of their time: one more than there are cores.
const lanes = availableParallelism() + 1;

// A hang is a failure with a name, not a run that never ends: a test that hangs fails by itself, and
// what still keeps its process alive, or never lets it look at its clock, ends with the process.
const testTimeoutMs = 600_000;
const fileTimeoutMs = 660_000;

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

async function runFile(path: string): Promise<FileReport> {
  const report = new FileReport(path);
  const events = run({
    files: [join(root, path)],
    cwd: root,
    isolation: "process",
    execArgv: ["--disable-warning=ExperimentalWarning"],
    timeout: testTimeoutMs,
    signal: AbortSignal.timeout(fileTimeoutMs),
  });
  for await (const event of events) report.take(event);
  console.log(`${report}`);
  return report;
}

async function runAll(files: readonly string[]): Promise<FileReport[]> {
  const schedule = new TestSchedule(files, readTestTimes());
  const reports: FileReport[] = [];
  const seconds = new Map<string, number>();
  let running = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fill = () => {
    for (let path: string | undefined; running < lanes; ) {
      path = schedule.take();
      if (path === undefined) break;
      running += 1;
      void runFile(path).then((report) => {
        running -= 1;
        schedule.ended(report.path);
        reports.push(report);
        if (report.ok) seconds.set(report.path, Math.round(report.seconds * 10) / 10);
        fill();
      }, reject);
    }
    if (running === 0) resolve();
  };
  fill();
  await promise;
  keepTestTimes(seconds);
  return reports;
}

const patterns = process.argv.slice(2);
const started = performance.now();
const files = sourceFiles()
  .filter((path) => path.endsWith(".test.ts"))
  .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)));
if (files.length === 0) {
  console.error(`No test file matches: ${patterns.join(" ")}`);
  process.exit(2);
}
await ensureSystemPackages(files);
const whole = patterns.length === 0;
keepCompiled(whole);

const before = whole ? gitChanges() : [];
const [reports] = await Promise.all([runAll(files), whole ? compileFirst() : undefined]);
const skips = reports.flatMap((report) => report.skips);
const sum = (count: (report: FileReport) => number) => reports.reduce((all, each) => all + count(each), 0);
for (const skipped of skips) console.log(`skipped: ${skipped.replaceAll("\n", " ")}`);
console.log(`${files.length} files in ${Math.round((performance.now() - started) / 1000)} s`);
console.log(
  `${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed, ${skips.length} skipped`,
);
const skipsFail = process.env["CI"] === "true" && skips.length > 0;
if (skipsFail) console.error("In CI nothing is skipped: see the reasons above");
const left = whole ? gitChanges().filter((line) => !before.includes(line)) : [];
if (left.length > 0) console.error(`The run left or changed files in the repository:\n${left.join("\n")}`);
process.exit(reports.every((report) => report.ok) && !skipsFail && left.length === 0 ? 0 : 1);
