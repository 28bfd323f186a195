/** One check of a mutant: a test file, or rows of the table of attacks, in processes of their own. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A test file, or those of its tests whose names match; or rows of the table of attacks. */
export type Check =
  | { readonly test: string; readonly only?: string }
  | { readonly attacks: readonly string[] };

export function nameOf(check: Check): string {
  if ("attacks" in check) return `attacks ${check.attacks.join(" ")}`;
  return check.only === undefined ? check.test : `${check.test} (${check.only})`;
}

/** Name of the single test, or attack, of a check to run: the one that caught the mutant is enough next time. */
export function partOf(check: Check, name: string): Check {
  if ("attacks" in check) return { attacks: [name] };
  const exactly = `${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
  // A pattern is matched with a test's own name, and with its full name including its suites.
  return {
    test: check.test,
    only: check.only === undefined ? `^${exactly}` : `(?=.*(?:${check.only})).* ${exactly}`,
  };
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const hook = new URL("./hook.ts", import.meta.url).href;
const attacks = fileURLToPath(new URL("./try-attacks.ts", import.meta.url));

export interface CheckRun {
  /** What turned red; undefined when all was green. */
  readonly red: string | undefined;
  /** Name of the failing test or attack; undefined if none is reported. */
  readonly test: string | undefined;
  /** Output of the failing test, if any. */
  readonly said: string | undefined;
  /** It took longer than it may. */
  readonly late: boolean;
  readonly milliseconds: number;
}

export interface CheckOptions {
  /** Path of the mutation; without it nothing is changed. */
  readonly mutation?: string;
  /** After which a test that still runs is red. */
  readonly timeoutMs: number;
  /** Scratch directory, deleted afterwards. Short, because of socket addresses. */
  readonly directory: string;
}

/** How long a test that is out of time has to say so before its process is ended. */
const lastWordsMs = 3_000;

function commandOf(check: Check, timeoutMs: number): string[] {
  if ("attacks" in check) return [attacks, ...check.attacks];
  const only = check.only === undefined ? [] : [`--test-name-pattern=${check.only}`];
  const timeout = `--test-timeout=${Math.round(timeoutMs)}`;
  return ["--test-reporter=tap", "--test-force-exit", timeout, ...only, check.test];
}

/** Containers outlive the test that made them, so such a test takes them away itself. */
function endsEarly(check: Check): boolean {
  return !("test" in check && check.test.includes("jail-drivers"));
}

/** A directory that other users may pass through, as tests of jails for an ordinary user do. */
export function makeScratch(prefix: string): string {
  const directory = mkdtempSync(prefix);
  chmodSync(directory, 0o711);
  return directory;
}

/** Deletes a directory; what cannot go, because something holds it still, stays in the system's temporary files. */
export function removeScratch(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  } catch {
    console.error(`${directory} cannot be deleted`);
  }
}

/**
 * Kills processes that a killed test left in other sessions, recognised by its scratch directory in their command
 * line.
 */
function endLeftovers(scratch: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(scratch))
        process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

const running = new Set<number>();

/** Ends all checks that run. */
export function endAll(): void {
  for (const pid of running) endGroup(pid);
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** The first red test ends the check: nothing else has to be known. */
export async function runCheck(check: Check, options: CheckOptions): Promise<CheckRun> {
  const { mutation, timeoutMs, directory } = options;
  const startedAt = performance.now();
  const scratch = makeScratch(join(directory, "t"));
  try {
    const output = await new Promise<Output>((resolve, reject) => {
      const child = spawn(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", ...commandOf(check, timeoutMs)],
        {
          cwd: root,
          env: {
            ...process.env,
            // With this variable, a test file would use the runner's protocol instead of TAP.
            NODE_TEST_CONTEXT: undefined,
            // The next test that creates containers removes leftover ones.
            ...(endsEarly(check) ? { TMPDIR: scratch } : {}),
            NODE_COMPILE_CACHE: join(directory, "compiled"),
            NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --import ${hook}`,
            ...(mutation === undefined ? {} : { HOLDFAST_MUTATION: mutation }),
          },
          stdio: ["ignore", "pipe", "pipe"],
          detached: true,
        },
      );
      let text = "";
      if (child.pid !== undefined) running.add(child.pid);
      const end = () => endGroup(child.pid);
      const take = (chunk: unknown) => {
        text += String(chunk);
        if (endsEarly(check) && /^\s*not ok \d+ - .*\n/m.test(text)) end();
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      const timer = setTimeout(end, timeoutMs + lastWordsMs);
      child.once("error", reject);
      // Descendants can keep its output open, so only its own exit counts, plus a moment for its last output.
      child.once("exit", (code) => {
        clearTimeout(timer);
        const late = performance.now() - startedAt > timeoutMs;
        end();
        if (child.pid !== undefined) running.delete(child.pid);
        const told = () => resolve({ text, late, code });
        const patience = setTimeout(told, 500);
        child.once("close", () => {
          clearTimeout(patience);
          told();
        });
      });
    });
    const milliseconds = performance.now() - startedAt;
    const test = redTestOf(check, output.text);
    const said = /^\s*error: (.*)$/m.exec(output.text)?.[1];
    return { red: redOf(check, output, timeoutMs), test, said, late: output.late, milliseconds };
  } finally {
    endLeftovers(scratch);
    removeScratch(scratch);
  }
}

interface Output {
  readonly text: string;
  readonly late: boolean;
  readonly code: number | null;
}

/** TAP reports the innermost failing test first; an attack is named before its observation. */
function redTestOf(check: Check, text: string): string | undefined {
  const named = /^\s*not ok \d+ - (.*)$/m.exec(text)?.[1];
  return "attacks" in check ? named?.split(":")[0] : named?.replaceAll(/\\([\\#])/g, "$1");
}

function redOf(check: Check, { text, late, code }: Output, timeoutMs: number): string | undefined {
  const named = /^\s*not ok \d+ - (.*)$/m.exec(text)?.[1];
  if (named !== undefined) return named.slice(0, 160);
  if (late) return `a test that waits for it (more than ${Math.round(timeoutMs / 1_000)} s)`;
  if (code !== 0) {
    const thrown = /^.*(?:Error|error): (.*)$/m.exec(text)?.[1];
    return `the gate does not start: ${(thrown ?? text.trim().split("\n").at(-1) ?? "").slice(0, 140)}`;
  }
  return "test" in check && !/^# pass [1-9]/m.test(text) ? "no test was run" : undefined;
}
