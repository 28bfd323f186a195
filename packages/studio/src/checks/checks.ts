/** Checks: commands that a repository names, run in jails with the files of a task. This room runs them; it keeps nothing. */
import { mkdir } from "node:fs/promises";
import { type Ports, uuidv4 } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import type { CheckProblem, CheckRunState } from "../contract/checks.ts";
import type { EnvironmentCheck } from "../environments/environment.ts";
import { readEnvironment } from "../environments/read-environment.ts";
import { runCommand } from "../environments/run-command.ts";
import { StepOutput } from "../environments/step-output.ts";
import type { Git } from "../git/git.ts";
import type { GuestBundle } from "../jail/bundle.ts";
import { jailPaths } from "../jail/layout.ts";
import type { StudioLimits } from "../limits.ts";
import { problemsOf } from "./check-problems.ts";

export interface ChecksOptions {
  readonly ports: Ports;
  readonly gate: Gate;
  readonly git: Git;
  readonly limits: StudioLimits;
  readonly bundle: () => Promise<GuestBundle>;
  /** Folders of a task. Throws `task.not_found`. */
  readonly folders: (taskId: string, copy?: string) => CheckFolders;
}

export interface CheckFolders {
  readonly hostGit: string;
  readonly workspace: string;
  readonly home: string;
}

/** What the commit of a task says about checks. */
export interface CheckFile {
  readonly source: string;
  readonly checks: readonly EnvironmentCheck[];
  /** Variables of the commands. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface CheckRequest {
  readonly taskId: string;
  /** The folder of an attempt. Absent for the task's own files. */
  readonly copy?: string | undefined;
  readonly check: EnvironmentCheck;
  readonly variables: Readonly<Record<string, string>>;
  /** The state of the files. */
  readonly tree: string;
  readonly signal: AbortSignal;
  /** Called with each piece of the output, one after the other. */
  readonly onOutput: (text: string) => Promise<void>;
}

export interface CheckEnd {
  readonly state: Extract<CheckRunState, "passed" | "failed" | "timed-out">;
  readonly reason?: string;
  readonly problems: readonly CheckProblem[];
}

export class Checks {
  readonly #options: ChecksOptions;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  /** The checks of a commit; undefined if the repository describes no environment. Throws `environment.invalid_file`. */
  async find(taskId: string, commit: string): Promise<CheckFile | undefined> {
    const { git, folders } = this.#options;
    const found = await readEnvironment(git, ["--git-dir", folders(taskId).hostGit], commit);
    if (found === undefined) return undefined;
    const { source, checks, variables } = found.environment;
    return { source, checks, variables };
  }

  /** Throws the reason of `signal`, `task.server_closing`, and the errors of jails. */
  run(request: CheckRequest): Promise<CheckEnd> {
    const running = this.#run({
      ...request,
      signal: AbortSignal.any([request.signal, this.#closing.signal]),
    });
    this.#running.add(running);
    const forget = () => this.#running.delete(running);
    running.then(forget, forget);
    return running;
  }

  /** True once the process is about to end. */
  get isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("The server is shutting down"));
    await Promise.allSettled(this.#running);
  }

  async #run({ taskId, copy, check, variables, tree, signal, onOutput }: CheckRequest): Promise<CheckEnd> {
    const { gate, limits, bundle, folders, ports } = this.#options;
    const { workspace, home, hostGit } = folders(taskId, copy);
    await mkdir(home, { recursive: true, mode: 0o700 });
    const output = new StepOutput(onOutput, limits.stepOutputMs);
    try {
      const {
        exit,
        isTimedOut,
        output: tail,
      } = await runCommand({
        ...{ gate, limits, variables, signal, run: check.run, timeoutMs: check.timeoutMs, session: taskId },
        bundle: await bundle(),
        jailId: `check-${uuidv4(ports.random)}`,
        folders: { workspace, home },
        onOutput: (text) => output.add(gate.redact(text)),
      });
      if (!isTimedOut && exit.reason === "exited" && exit.code === 0)
        return { state: "passed", problems: [] };
      const seenAt = gate.jails.driver.unsafe ? workspace : jailPaths.workspace;
      const problems = await this.#existing(hostGit, tree, problemsOf(gate.redact(tail), seenAt));
      if (isTimedOut)
        return { state: "timed-out", reason: `ended after ${spanOf(check.timeoutMs)}`, problems };
      const reason =
        exit.reason === "exited" && exit.code !== null
          ? `exit code ${exit.code}`
          : exit.reason === "memory"
            ? "it exceeded its memory limit"
            : exit.reason === "disk"
              ? "there was not enough disk space"
              : (exit.signal ?? exit.detail ?? exit.reason);
      return { state: "failed", reason, problems };
    } finally {
      await output.close().catch((error: unknown) => {
        ports.log.warn("could not record the output of a check", { taskId, error });
      });
    }
  }

  /** Those in files of the task. */
  async #existing(
    hostGit: string,
    tree: string,
    problems: readonly CheckProblem[],
  ): Promise<readonly CheckProblem[]> {
    if (problems.length === 0) return problems;
    const paths = Array.from(new Set(problems.map(({ path }) => path)));
    const args = ["--git-dir", hostGit, "--literal-pathspecs", "ls-tree", "-z", "--name-only", "--full-tree"];
    const listed = await this.#options.git.run([...args, tree, "--", ...paths]);
    const existing = new Set(listed.toString("utf8").split("\0"));
    return problems.filter(({ path }) => existing.has(path));
  }
}

function spanOf(ms: number): string {
  return ms < 60_000 ? `${ms / 1000} seconds` : `${ms / 60_000} minutes`;
}
