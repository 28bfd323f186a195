import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { setPriority } from "node:os";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";
import type { TypeProblem } from "@holdfast/inspector-ui";
import { hashOf, Watcher } from "./watcher.ts";

/** Below the program, but not so far that a busy machine never comes to it. */
const niceness = 5;

const problemLine = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/;

export interface CompilerResult {
  readonly problems: readonly TypeProblem[];
  /** Absolute paths of what was read. */
  readonly files: readonly string[];
}

/** Reads what the compiler has printed, with `--listFiles` and without colours. */
export function readCompilerOutput(text: string): CompilerResult {
  const problems: TypeProblem[] = [];
  const files: string[] = [];
  for (const row of text.split(/\r?\n/)) {
    const found = problemLine.exec(row);
    const last = problems.at(-1);
    if (found !== null) {
      const [, file = "", line = "", column = "", code = "", message = ""] = found;
      problems.push({ file, line: Number(line), column: Number(column), code, message });
    } else if (last !== undefined && row.startsWith("  ")) {
      problems[problems.length - 1] = { ...last, message: `${last.message}\n${row}` };
    } else if (isAbsolute(row)) {
      files.push(row);
    }
  }
  return { problems, files };
}

/**
 * Checks the types of a project with its own compiler, now and when one of its files is saved: beside the program, and
 * with lower priority. The compiler's own watch mode is not used, as its releases notice changes late or not at all.
 */
export class TypeChecker {
  readonly #project: string;
  readonly #compiler: string;
  readonly #onResult: (problems: readonly TypeProblem[]) => void;
  readonly #watcher = new Watcher(() => this.check());
  #running: ChildProcess | undefined;

  constructor(project: string, compiler: string, onResult: (problems: readonly TypeProblem[]) => void) {
    this.#project = project;
    this.#compiler = compiler;
    this.#onResult = onResult;
  }

  /** Begins anew where a check is under way. */
  check(): void {
    this.#running?.kill();
    const startedAt = Date.now();
    const options = ["--noEmit", "--pretty", "false", "--listFiles"];
    const child = spawn(process.execPath, [this.#compiler, ...options], {
      cwd: this.#project,
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#running = child;
    if (child.pid !== undefined) lowerPriority(child.pid);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
    child.on("close", () => {
      if (this.#running !== child) return;
      this.#running = undefined;
      this.#take(readCompilerOutput(output), startedAt);
    });
    // Types are a help: without a compiler the program runs as well.
    child.on("error", () => undefined);
  }

  close(): void {
    this.#watcher.close();
    const running = this.#running;
    this.#running = undefined;
    running?.kill();
  }

  #take({ problems, files }: CompilerResult, startedAt: number): void {
    const own = files.filter((path) => !path.includes(`${sep}node_modules${sep}`));
    this.#watcher.add(
      [...own, join(this.#project, "tsconfig.json")].map((path) => ({ path, hash: hashOf(path) })),
    );
    this.#onResult(problems);
    // It may have read a file before it was saved.
    if (own.some((path) => changedAt(path) >= startedAt)) this.check();
  }
}

/** The compiler of a project; undefined if it has none, or no tsconfig.json. */
export function compilerOf(project: string): string | undefined {
  if (!existsSync(join(project, "tsconfig.json"))) return undefined;
  try {
    const manifest = createRequire(join(project, "package.json")).resolve("typescript/package.json");
    return resolve(dirname(manifest), "bin", "tsc");
  } catch {
    return undefined;
  }
}

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It has ended already, or the system does not allow it.
  }
}
