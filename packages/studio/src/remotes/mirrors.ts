import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, isHoldfastError, type Logger } from "@holdfast/core";
import type { FetchReport } from "../backend/repositories/contract.ts";
import type { ForkPull } from "../cluster/fork-pull.ts";
import type { Git } from "../git/git.ts";
import { abortable } from "../work/abortable.ts";
import { readProgress } from "./fetch-progress.ts";
import { listRemote, type Remote, remoteFailure, runWithRemote } from "./remote-git.ts";

export interface MirrorsOptions {
  readonly git: Git;
  /** Folder of all mirrors, invisible to every jail. */
  readonly directory: string;
  readonly remoteOf: (id: string) => Promise<Remote>;
  /** Tells the repository how far a fetch is. */
  readonly report: (id: string, report: FetchReport) => Promise<void>;
  readonly now: () => number;
  readonly log: Logger;
  /** Longest time of one fetch. */
  readonly timeoutMs: number;
  /** Time between two reports of progress. */
  readonly reportMs: number;
}

interface Job {
  readonly done: Promise<void>;
  readonly stop: AbortController;
  /** The fetch after this one, for those who need what was pushed in the meantime. */
  next?: Promise<void>;
}

/** A commit of a mirror that a task starts from. */
export interface MirrorCommit {
  /** The mirror: a bare repository. */
  readonly path: string;
  readonly branch: string;
  readonly commit: string;
  readonly dirty: false;
  readonly ref: string;
}

/** Bare copies of connected repositories on this machine, each fetched by one git at a time. */
export class Mirrors {
  readonly #options: MirrorsOptions;
  readonly #jobs = new Map<string, Job>();

  constructor(options: MirrorsOptions) {
    this.#options = options;
  }

  path(id: string): string {
    if (!/^[\w-]{1,200}$/.test(id)) throw new TypeError("a mirror's id is that of a repository");
    return join(this.#options.directory, `${id}.git`);
  }

  /** Begins to fetch, unless a fetch runs. Its repository has the outcome. */
  begin(id: string): void {
    this.#start(id).done.catch(() => {});
  }

  /** Fetches what the server has now; an aborted signal ends the wait alone. Throws `forge.*`, `repository.*`. */
  async fetch(id: string, signal: AbortSignal | undefined): Promise<void> {
    const running = this.#jobs.get(id);
    if (running !== undefined) running.next ??= running.done.catch(() => {}).then(() => this.#start(id).done);
    const fresh = running?.next ?? this.#start(id).done;
    fresh.catch(() => {});
    await (signal === undefined ? fresh : abortable(fresh, signal));
  }

  /** Ends a running fetch with `repository.fetch_cancelled`. What was transferred completely stays. */
  async cancel(id: string): Promise<void> {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    const message = "The fetch was cancelled. Fetch again, or start a task, to go on.";
    job.stop.abort(new HoldfastError("repository", "fetch_cancelled", message, { statusCode: 409 }));
    await job.done.catch(() => {});
  }

  /** Fetches the head of a pull request, which the base's repository has. Throws `forge.*`. */
  async fetchPull(
    id: string,
    { ref, branch }: Pick<ForkPull, "ref" | "branch">,
    signal: AbortSignal | undefined,
  ): Promise<MirrorCommit> {
    const { git, remoteOf, timeoutMs } = this.#options;
    const path = this.path(id);
    const remote = await remoteOf(id);
    const args = ["--git-dir", path, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
    const options = { timeoutMs, ...(signal === undefined ? {} : { signal }) };
    const result = await runWithRemote(git, remote, [...args, "--", remote.url, `+${ref}:${ref}`], options);
    if (result.status !== 0) throw remoteFailure(remote, result.stderr);
    const commit = await git.text(["--git-dir", path, "rev-parse", "--verify", `${ref}^{commit}`]);
    return { path, branch, commit, dirty: false, ref };
  }

  /** The last commit of a branch, of the default one without a name. Throws `repository.branch_not_found`. */
  async commitOf(id: string, branch: string | undefined): Promise<MirrorCommit> {
    const { git } = this.#options;
    const path = this.path(id);
    const name = branch ?? (await git.text(["--git-dir", path, "symbolic-ref", "--short", "HEAD"]));
    const ref = `refs/heads/${name}`;
    const found = await git.status([
      "--git-dir",
      path,
      "rev-parse",
      "--verify",
      "--quiet",
      `${ref}^{commit}`,
    ]);
    if (found.status !== 0) {
      const message = `The repository has no branch ${name} any more. Choose another branch.`;
      throw new HoldfastError("repository", "branch_not_found", message, { statusCode: 404 });
    }
    return { path, branch: name, commit: found.stdout.toString("utf8").trim(), dirty: false, ref };
  }

  async remove(id: string): Promise<void> {
    await this.cancel(id);
    await rm(this.path(id), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#jobs.values()].map(({ done, stop }) => {
        stop.abort(new HoldfastError("repository", "fetch_cancelled", "The server is shutting down"));
        return done.catch(() => {});
      }),
    );
  }

  #start(id: string): Job {
    const running = this.#jobs.get(id);
    if (running !== undefined) return running;
    const stop = new AbortController();
    const done = this.#run(id, stop.signal).finally(() => this.#jobs.delete(id));
    const job: Job = { done, stop };
    this.#jobs.set(id, job);
    return job;
  }

  async #run(id: string, signal: AbortSignal): Promise<void> {
    const { now, report, log } = this.#options;
    const reports = new Reports(this.#options, id);
    try {
      const defaultBranch = await this.#fetch(id, signal, reports);
      await reports.settled();
      await report(id, { status: "ready", fetchedAt: now(), defaultBranch });
    } catch (caught) {
      const error = signal.aborted ? signal.reason : caught;
      await reports.settled();
      const failure = isHoldfastError(error)
        ? { code: `${error.group}.${error.code}`, message: error.message }
        : { code: "internal.internal_error", message: "The fetch failed. See the server's log." };
      if (!isHoldfastError(error)) log.error("a mirror could not be fetched", { repository: id, error });
      await report(id, { status: "failed", error: failure }).catch((failed: unknown) =>
        log.warn("a fetch could not be reported", { repository: id, error: failed }),
      );
      throw error;
    }
  }

  /** Returns the default branch. */
  async #fetch(id: string, signal: AbortSignal, reports: Reports): Promise<string> {
    const { git, remoteOf, directory, timeoutMs } = this.#options;
    const path = this.path(id);
    const remote = await remoteOf(id);
    signal.throwIfAborted();
    reports.add({ status: "fetching", phase: "Connecting" });
    const { defaultBranch, branches } = await listRemote(git, remote, signal);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const format = branches[0]?.commit.length === 64 ? "sha256" : "sha1";
    await git.run(["init", "--quiet", "--bare", `--object-format=${format}`, path]);
    await removePartialPacks(path);
    const args = ["--git-dir", path, "fetch", "--progress", "--prune", "--no-tags", "--no-write-fetch-head"];
    const onErrorOutput = (text: string) => {
      const progress = readProgress(text);
      if (progress !== undefined) reports.add({ status: "fetching", ...progress });
    };
    const options = { timeoutMs, signal, onErrorOutput };
    const result = await runWithRemote(
      git,
      remote,
      [...args, "--", remote.url, "+refs/heads/*:refs/heads/*"],
      options,
    );
    if (result.status !== 0) throw remoteFailure(remote, result.stderr);
    await git.run(["--git-dir", path, "symbolic-ref", "HEAD", `refs/heads/${defaultBranch}`]);
    return defaultBranch;
  }
}

/** What git leaves of a transfer that was ended. */
async function removePartialPacks(path: string): Promise<void> {
  const packs = join(path, "objects", "pack");
  for (const name of await readdir(packs))
    if (name.startsWith("tmp_")) await rm(join(packs, name), { force: true });
}

/** Reports of one fetch, in order: the first at once, then the latest of each interval. */
class Reports {
  readonly #options: Pick<MirrorsOptions, "report" | "reportMs" | "log">;
  readonly #id: string;
  #tail: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #latest: FetchReport | undefined;

  constructor(options: Pick<MirrorsOptions, "report" | "reportMs" | "log">, id: string) {
    this.#options = options;
    this.#id = id;
  }

  add(report: FetchReport): void {
    this.#latest = report;
    if (this.#timer === undefined) this.#send();
  }

  /** No report follows. */
  settled(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#tail;
  }

  #send(): void {
    const latest = this.#latest;
    this.#latest = undefined;
    this.#timer = undefined;
    if (latest === undefined) return;
    const { report, reportMs, log } = this.#options;
    this.#tail = this.#tail
      .then(() => report(this.#id, latest))
      .catch((error: unknown) => log.warn("a fetch could not be reported", { repository: this.#id, error }));
    this.#timer = setTimeout(() => this.#send(), reportMs);
  }
}
