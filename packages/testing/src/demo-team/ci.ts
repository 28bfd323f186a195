import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Jails } from "@holdfast/gate";
import type { HostedPullRequest, HostedRepository } from "../forge-server/repository.ts";

export interface CiOptions {
  readonly jails: Jails;
  /** Folder for checkouts, in `work`, and for logs. */
  readonly directory: string;
  /** Called when all checks of a pull request's newest commit have ended. */
  readonly onEnd: (repository: HostedRepository, pull: HostedPullRequest) => Promise<void>;
}

const limits = { timeoutMs: 60_000, maxOutputBytes: 1_048_576 };
const inJail = { node: "/opt/ci/bin/node", work: "/workspace", path: "/opt/ci/bin:/usr/bin:/bin" };

/** CI of the demo team: runs the scripts of package.json for the newest commit of each pull request, in jails. */
export class Ci {
  readonly #options: CiOptions;
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  /** Tail of the mutex by which one script runs at a time. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: CiOptions) {
    this.#options = options;
  }

  /** Checks the newest commit unless it is being checked. What an earlier run has finished is kept. */
  check(repository: HostedRepository, pull: HostedPullRequest): void {
    const key = `${repository.fullName} ${pull.headCommit}`;
    if (this.#stop.signal.aborted || this.#running.has(key)) return;
    const work = this.#check(repository, pull)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) process.emitWarning(`CI of ${key} failed: ${error}`);
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, work);
  }

  /** Output of a check; undefined before its end. */
  async log(checkId: number): Promise<string | undefined> {
    return readFile(this.#logPath(checkId), "utf8").catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running.values());
  }

  async #check(repository: HostedRepository, pull: HostedPullRequest): Promise<void> {
    const { headCommit: commit } = pull;
    const file: { readonly scripts?: Readonly<Record<string, string>> } = JSON.parse(
      await repository.bare.git(["show", `${commit}:package.json`]).catch(() => "{}"),
    );
    const isOver = (name: string) =>
      repository.checks.some(
        (check) => check.commit === commit && check.name === name && check.conclusion !== null,
      );
    const jobs = Object.entries(file.scripts ?? {}).filter(([name]) => !isOver(name));
    for (const [name] of jobs) repository.setCheck(name, commit, null);
    for (const [name, script] of jobs) {
      const run = this.#tail.then(() => this.#run(repository, commit, script));
      this.#tail = run.catch(() => {});
      const { isOk, output } = await run;
      this.#stop.signal.throwIfAborted();
      const known = repository.checks.find((check) => check.commit === commit && check.name === name);
      await this.#keepLog(known?.id ?? 0, `$ ${script}\n${output}`);
      repository.setCheck(name, commit, isOk ? "success" : "failure");
    }
    if (pull.headCommit === commit) await this.#options.onEnd(repository, pull);
  }

  /** The commit was written by an agent: it runs in a jail, like the agent. */
  async #run(repository: HostedRepository, commit: string, script: string) {
    this.#stop.signal.throwIfAborted();
    const { jails, directory } = this.#options;
    const work = await mkdtemp(join(directory, "work", "checkout-"));
    const index = `${work}.index`;
    try {
      const checkout = ["--git-dir", ".", "--work-tree", work, "checkout", "--quiet", "--force", commit];
      await repository.bare.git([...checkout, "--", "."], "", { GIT_INDEX_FILE: index });
      const command = { command: "/bin/sh", args: ["-c", script], ...limits, signal: this.#stop.signal };
      const result = await (jails.driver.unsafe
        ? jails.runTool({ ...command, cwd: work, mounts: [], env: { PATH: hostPath(), TZ: "UTC" } })
        : jails.runTool({
            ...{ ...command, cwd: inJail.work, env: { PATH: inJail.path, TZ: "UTC" } },
            mounts: [
              { source: process.execPath, target: inJail.node, mode: "ro" },
              { source: work, target: inJail.work, mode: "rw" },
            ],
          }));
      return { isOk: result.code === 0, output: `${result.stdout}${result.stderr}` };
    } catch (error) {
      return { isOk: false, output: error instanceof Error ? error.message : String(error) };
    } finally {
      for (const path of [work, index]) await rm(path, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  async #keepLog(checkId: number, text: string): Promise<void> {
    const path = this.#logPath(checkId);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  #logPath(checkId: number): string {
    return join(this.#options.directory, "logs", `${checkId}.txt`);
  }
}

function hostPath(): string {
  return `${dirname(process.execPath)}:${process.env["PATH"] ?? "/usr/bin:/bin"}`;
}
