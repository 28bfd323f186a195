/**
 * `npm run test:mutation [-- PATTERN]`: takes each protection of the gate out, one at a time, and expects
 * a test that is named for it to turn red. Prints which one; fails when a mutant survives that is not
 * known to change nothing, or when an argument of a jail has no test named for it.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { equivalents } from "./equivalents.ts";
import { type Check, type Planned, plan } from "./plan.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const hook = new URL("./hook.ts", import.meta.url).href;
const timeoutMs = 90_000;

interface Verdict {
  readonly caughtBy: string | undefined;
  readonly milliseconds: number;
}

function commandOf(check: Check): string[] {
  return "test" in check
    ? ["--test-reporter=tap", "--test-force-exit", check.test]
    : [fileURLToPath(new URL("./try-attacks.ts", import.meta.url)), ...check.attacks];
}

/** Undefined when the check stays green, else what turned red. */
function run(check: Check, mutation: string | undefined): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...commandOf(check)], {
      cwd: root,
      env: {
        ...process.env,
        NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --import ${hook}`,
        ...(mutation === undefined ? {} : { HOLDFAST_MUTATION: mutation }),
      },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    let late = false;
    child.stdout.on("data", (chunk) => {
      output += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      output += String(chunk);
    });
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      end();
    }, timeoutMs);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      end();
      if (code === 0) resolve(undefined);
      else resolve(late ? "a test that waits for it" : firstFailure(output));
    });
  });
}

/** The innermost failing test is the first that TAP names. */
function firstFailure(output: string): string {
  const named = /^\s*not ok \d+ - (.*)$/m.exec(output)?.[1];
  if (named !== undefined) return named.slice(0, 160);
  const thrown = /^.*(?:Error|error): (.*)$/m.exec(output)?.[1];
  return `the gate does not start: ${(thrown ?? output.trim().split("\n").at(-1) ?? "").slice(0, 140)}`;
}

async function judge(mutant: Planned, directory: string): Promise<Verdict> {
  const began = performance.now();
  const path = join(directory, "mutation.json");
  writeFileSync(
    path,
    JSON.stringify({ url: pathToFileURL(join(root, mutant.file)).href, source: mutant.source }),
  );
  for (const check of mutant.checks) {
    const caughtBy = await run(check, path);
    if (caughtBy !== undefined) {
      const where = "test" in check ? check.test : "the table of attacks";
      return { caughtBy: `${where}: ${caughtBy}`, milliseconds: performance.now() - began };
    }
  }
  return { caughtBy: undefined, milliseconds: performance.now() - began };
}

const pattern = process.argv[2] ?? "";
const mutants = plan().filter((mutant) => mutant.id.includes(pattern));
const known = new Set(plan().map((mutant) => mutant.id));
const stale = [...equivalents.keys()].filter((id) => !known.has(id));
const directory = mkdtempSync(join(tmpdir(), "holdfast-mutation-"));
const survivors: string[] = [];
let failed = false;
try {
  // Without a mutation everything is green, or red would mean nothing.
  const checks = new Map(
    mutants.flatMap((each) => each.checks).map((check) => [JSON.stringify(check), check]),
  );
  for (const check of checks.values()) {
    const red = await run(check, undefined);
    if (red === undefined) continue;
    console.error(`red without any mutation: ${JSON.stringify(check)}: ${red}`);
    failed = true;
  }
  for (const mutant of failed ? [] : mutants) {
    const reason = equivalents.get(mutant.id);
    if (reason !== undefined) {
      console.log(`changes nothing  ${mutant.id} (${reason})`);
      continue;
    }
    const { caughtBy, milliseconds } = await judge(mutant, directory);
    if (caughtBy === undefined) survivors.push(mutant.id);
    console.log(
      `${caughtBy === undefined ? "SURVIVED" : "caught  "} ${(milliseconds / 1000).toFixed(1).padStart(5)} s  ${mutant.id}`,
    );
    if (caughtBy !== undefined) console.log(`${" ".repeat(19)}by ${caughtBy}`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log(`${mutants.length} mutants, ${survivors.length} survived`);
for (const id of stale) console.log(`no longer there: ${id} (tools/mutation/equivalents.ts)`);
process.exitCode = failed || survivors.length > 0 || stale.length > 0 ? 1 : 0;
