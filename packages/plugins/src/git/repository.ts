/** Git plugin: clone, fetch and push. */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "@holdfast/gate/plugin";

const timeoutMs = 60_000;
const outputBytes = 4 * 1024 * 1024;

export function refused(message: string, field?: string, code = "HANDLER_ERROR"): ToolError {
  return new ToolError({ code, message, field });
}

/** Isolates git from the settings of repositories, the machine and the files. */
const settings = [
  ["protocol.allow", "never"],
  ["protocol.http.allow", "always"],
  ["http.followRedirects", "false"],
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  ["core.symlinks", "false"],
  ["core.autocrlf", "false"],
  ["submodule.recurse", "false"],
  ["fetch.fsckObjects", "true"],
  ["gc.auto", "0"],
].flatMap((pair) => ["-c", pair.join("=")]);

/** Leftovers of killed git processes, by folder. No branch name ends in `.lock`. */
const leftovers = [
  [".", /\.lock$|^index-/],
  ["refs", /\.lock$/],
  ["objects/pack", /^tmp_/],
] as const;

export interface Author {
  readonly name: string;
  readonly email: string;
}

export interface Branch {
  readonly name: string;
  readonly commit: string;
}

/** One repository of the git host. Its history is kept in the plugin's data directory and never in a shared folder. */
export class Repository {
  readonly #address: string;
  readonly #directory: string;
  readonly #author: Author;

  constructor(base: string, name: string, dataDirectory: string, person: Author) {
    this.#address = `${base}/${name}`;
    const hash = createHash("sha256").update(name).digest("hex").slice(0, 24);
    this.#directory = join(dataDirectory, "repositories", `${hash}.git`);
    this.#author = person;
  }

  async branches(signal?: AbortSignal): Promise<Branch[]> {
    await this.#prepare();
    const lines = (await this.#git(["ls-remote", "--heads", this.#address], { signal })).split("\n");
    return lines.flatMap((line) => {
      const [commit = "", ref = ""] = line.split("\t");
      return ref === "" ? [] : [{ name: ref.replace(/^refs\/heads\//, ""), commit }];
    });
  }

  /** Fetches a branch and returns its newest commit. `field` is the tool argument that names the branch. */
  async fetch(branch: string, field: string, signal?: AbortSignal): Promise<string> {
    await this.#prepare();
    const local = `refs/remotes/host/${branch}`;
    const refspec = `+refs/heads/${branch}:${local}`;
    await this.#git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", this.#address, refspec], {
      field,
      signal,
    });
    return (await this.#git(["rev-parse", "--verify", `${local}^{commit}`], { signal })).trim();
  }

  /** Writes the files of a commit into an empty folder. Returns their number. */
  async checkOut(commit: string, directory: string, signal?: AbortSignal): Promise<number> {
    return this.#withIndex(async (index) => {
      const options = { index, directory, signal };
      await this.#git(["read-tree", commit], options);
      await this.#git(["checkout-index", "--all", "--quiet"], options);
      const files = await this.#git(["ls-files", "-z"], options);
      return files.split("\0").length - 1;
    });
  }

  /** Commits the content of a folder on top of `parent`; undefined when nothing changed. */
  async commit(
    parent: string,
    directory: string,
    message: string,
    signal?: AbortSignal,
  ): Promise<{ commit: string; files: string[] } | undefined> {
    return this.#withIndex(async (index) => {
      const options = { index, directory, signal };
      await this.#git(["read-tree", parent], options);
      await this.#git(["add", "--all", "--", "."], options);
      const tree = (await this.#git(["write-tree"], options)).trim();
      const changed = await this.#git(
        ["diff-tree", "-r", "-z", "--no-renames", "--name-status", parent, tree],
        options,
      );
      if (changed === "") return undefined;
      const parts = changed.split("\0").slice(0, -1);
      const files = parts.flatMap((status, at) => (at % 2 === 0 ? [`${status} ${parts[at + 1] ?? ""}`] : []));
      const commit = await this.#git(["commit-tree", "-p", parent, "-m", message, tree], options);
      return { commit: commit.trim(), files };
    });
  }

  /** Pushes a commit, never forced. Throws `NOT_FAST_FORWARD`. */
  async push(commit: string, branch: string, signal?: AbortSignal): Promise<void> {
    await this.#git(["push", "--quiet", "--porcelain", this.#address, `${commit}:refs/heads/${branch}`], {
      signal,
    });
  }

  async #prepare(): Promise<void> {
    if (existsSync(join(this.#directory, "HEAD"))) return this.#removeLeftovers();
    await mkdir(this.#directory, { recursive: true });
    await this.#git(["init", "--quiet", "--bare", "--template="], {});
  }

  /** Deletes leftovers of git processes that were killed with the plugin. Those of running ones are younger. */
  async #removeLeftovers(): Promise<void> {
    const before = Date.now() - 2 * timeoutMs;
    for (const [folder, left] of leftovers) {
      const entries = await readdir(join(this.#directory, folder), {
        recursive: folder === "refs",
        withFileTypes: true,
      });
      for (const { name, parentPath } of entries) {
        if (!left.test(name)) continue;
        const path = join(parentPath, name);
        // Another call may have deleted it.
        const stat = await lstat(path).catch(() => undefined);
        if (stat?.isFile() === true && stat.mtimeMs < before) await rm(path, { force: true });
      }
    }
  }

  async #withIndex<Result>(run: (index: string) => Promise<Result>): Promise<Result> {
    const index = join(this.#directory, `index-${randomUUID()}`);
    try {
      return await run(index);
    } finally {
      await rm(index, { force: true });
    }
  }

  #git(
    args: readonly string[],
    {
      index,
      directory,
      field = "branch",
      signal,
    }: { index?: string; directory?: string; field?: string; signal?: AbortSignal | undefined },
  ): Promise<string> {
    const { name, email } = this.#author;
    const where = [
      `--git-dir=${this.#directory}`,
      ...(directory === undefined ? [] : [`--work-tree=${directory}`]),
    ];
    const options = {
      cwd: directory ?? this.#directory,
      env: {
        ...{ PATH: process.env["PATH"], HOME: "/nonexistent", LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" },
        ...{ GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_ATTR_NOSYSTEM: "1" },
        ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email },
        ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email },
        ...(index === undefined ? {} : { GIT_INDEX_FILE: index }),
      },
      timeout: timeoutMs,
      maxBuffer: outputBytes,
      // On SIGTERM git removes its locks; on SIGKILL it would leave them.
      killSignal: "SIGTERM" as const,
      ...(signal === undefined ? {} : { signal }),
    };
    return new Promise((resolve, reject) => {
      execFile("git", [...settings, ...where, ...args], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(failure(args[0] ?? "", field, `${stdout}\n${stderr}`, error.killed === true));
      });
    });
  }
}

/**
 * Maps the output of git to an error. The output is meant for people and may quote the host, so that only its meaning
 * is passed on. Errors about a branch name `field`, its tool argument.
 */
function failure(command: string, field: string, output: string, killed: boolean): Error {
  if (killed)
    return new ToolError({ code: "GIT_TIMEOUT", message: `git ${command} timed out`, retriable: true });
  if (/non-fast-forward|fetch first|\[rejected\]|stale info/.test(output)) {
    return refused("The branch has newer commits. Fetch it again before pushing", field, "NOT_FAST_FORWARD");
  }
  if (/couldn't find remote ref|not our ref/.test(output))
    return refused("No such branch", field, "NOT_FOUND");
  const status = /The requested URL returned error: (\d{3})/.exec(output)?.[1];
  if (status === "401" || /could not read Username|Authentication failed/.test(output)) {
    return refused("The git host refused the credentials", undefined, "GIT_LOGIN_FAILED");
  }
  if (status === "403" || status === "404" || /repository .* not found/.test(output)) {
    return refused(
      "The operator has not allowed this repository, or not this operation on it",
      "repository",
      "REPOSITORY_NOT_ALLOWED",
    );
  }
  if (/remote rejected/.test(output)) return refused("The git host refused the push", field, "GIT_REFUSED");
  if (["fetch", "push", "ls-remote"].includes(command)) {
    return new ToolError({
      code: "GIT_UNAVAILABLE",
      message: "The git host does not respond",
      retriable: command !== "push",
    });
  }
  return new Error(`git ${command}: ${output.slice(0, 2_000)}`);
}
