/**
 * `npm test`: everything, for real. Unit and package tests run two files at a time; the suites in
 * `tests/` (crash, security, agents, browser) run one at a time, since each owns the machine.
 * `npm test -- PATTERN...` runs the files whose path contains one of the patterns.
 * With CI=true a skipped test fails the run.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureSystemPackages } from "./system-packages.ts";
import { root, sourceFiles } from "./workspace.ts";

interface Totals {
  passed: number;
  failed: number;
  readonly skipped: string[];
}

const reporter = join(root, "tools", "test-reporter.ts");

function runFiles(files: readonly string[], concurrency: number, totals: Totals): Promise<boolean> {
  if (files.length === 0) return Promise.resolve(true);
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [
        "--test",
        "--disable-warning=ExperimentalWarning",
        `--test-concurrency=${concurrency}`,
        `--test-reporter=${reporter}`,
        "--test-reporter-destination=stdout",
        // A hang is a failure with a name, not a run that never ends.
        "--test-timeout=600000",
        ...files,
      ],
      { cwd: root, stdio: ["ignore", "pipe", "inherit"] },
    );
    let rest = "";
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) takeLine(line, totals);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0));
  });
}

/** The reporter ends with one line of totals and one line for each skipped test. */
function takeLine(line: string, totals: Totals): void {
  const summary = /^#totals (\d+) (\d+)$/.exec(line);
  if (summary !== null) {
    totals.passed += Number(summary[1]);
    totals.failed += Number(summary[2]);
  } else if (line.startsWith("#skip ")) {
    totals.skipped.push(line.slice("#skip ".length));
  } else {
    console.log(line);
  }
}

const patterns = process.argv.slice(2);
const started = Date.now();
ensureSystemPackages();
const files = sourceFiles()
  .filter((path) => path.endsWith(".test.ts"))
  .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)));
if (files.length === 0) {
  console.error(`No test file matches: ${patterns.join(" ")}`);
  process.exit(2);
}

const totals: Totals = { passed: 0, failed: 0, skipped: [] };
const parallel = await runFiles(
  files.filter((path) => !path.startsWith("tests/")),
  2,
  totals,
);
const serial = await runFiles(
  files.filter((path) => path.startsWith("tests/")),
  1,
  totals,
);

for (const skipped of totals.skipped) console.log(`skipped: ${skipped}`);
const seconds = Math.round((Date.now() - started) / 1000);
console.log(`${files.length} files in ${seconds} s`);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`);
const skipsFail = process.env["CI"] === "true" && totals.skipped.length > 0;
if (skipsFail) console.error("In CI nothing is skipped: see the reasons above");
process.exit(parallel && serial && totals.failed === 0 && !skipsFail ? 0 : 1);
