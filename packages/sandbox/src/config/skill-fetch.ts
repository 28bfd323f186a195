import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { promisify } from "node:util";
import { HoldfastError, type Logger } from "@holdfast/core";
import type { Paths } from "../fs/paths/paths.ts";
import { invalid } from "../http/problem.ts";
import type { SkillSource } from "./skill-source.ts";

const run = promisify(execFile);
/** How long a fetched repository counts as fresh. */
const freshMs = 5 * 60_000;
const gitTimeoutMs = 60_000;

export interface SkillFetcherOptions {
  readonly paths: Paths;
  /** Where fetched repositories are kept. */
  readonly cacheDirectory: string;
  /** The environment of git: that of agents. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: Logger;
}

/** Brings the sources of skills onto this machine. */
export class SkillFetcher {
  readonly #options: SkillFetcherOptions;
  readonly #fetched = new Map<string, { readonly at: number; readonly done: Promise<string> }>();

  constructor(options: SkillFetcherOptions) {
    this.#options = options;
  }

  /**
   * Resolves to the directory of a source; relative local ones start at `directory`. A repository is
   * fetched again after five minutes; when it cannot be reached, what was fetched before counts.
   * Throws `sandbox.invalid_request` for a source that makes no sense, `sandbox.skill_source_failed`
   * when a repository cannot be fetched.
   */
  async fetch(source: SkillSource, directory: string): Promise<string> {
    switch (source.type) {
      case "local":
        return await this.#local(source.source, directory);
      case "git":
        return await this.#repository(source.source, source.ref);
      case "github":
        return await this.#repository(githubUrl(source.source), source.ref);
      default:
        throw invalid(`skills come from "local", "git" or "github", not "${source.type}"`);
    }
  }

  async #local(source: string, directory: string): Promise<string> {
    const { paths } = this.#options;
    const isHome = source === "~" || source.startsWith("~/");
    // With a root, what lies outside of it is refused here.
    const path = paths.absolute(isHome || isAbsolute(source) ? source : resolve(directory, source));
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) return path;
    throw invalid(`the source of skills ${path} is not a directory`);
  }

  async #repository(url: string, ref: string | undefined): Promise<string> {
    if (url.startsWith("-") || ref?.startsWith("-"))
      throw invalid("a source of skills must not begin with -");
    const key = createHash("sha256")
      .update(`${url}\0${ref ?? ""}`)
      .digest("hex")
      .slice(0, 24);
    const known = this.#fetched.get(key);
    if (known && performance.now() - known.at < freshMs) return await known.done;
    const done = this.#fresh(url, ref, key);
    this.#fetched.set(key, { at: performance.now(), done });
    return await done;
  }

  /** What is there now, else what was there before; the next who asks after a failure asks anew. */
  async #fresh(url: string, ref: string | undefined, key: string): Promise<string> {
    const target = join(this.#options.cacheDirectory, key);
    try {
      return await this.#clone(url, ref, target);
    } catch (error) {
      this.#fetched.delete(key);
      if (!(await exists(target))) throw error;
      this.#options.log.warn("skills could not be fetched again", { url, cause: String(error) });
      return target;
    }
  }

  /** Fetches one commit into a new directory, which then takes the place of the old one. */
  async #clone(url: string, ref: string | undefined, target: string): Promise<string> {
    const { cacheDirectory } = this.#options;
    await mkdir(cacheDirectory, { recursive: true, mode: 0o700 });
    const staging = await mkdtemp(join(cacheDirectory, ".new-"));
    try {
      const fresh = join(staging, "new");
      await this.#git("init", "--quiet", "--", fresh);
      await this.#git("-C", fresh, "fetch", "--quiet", "--depth=1", "--no-tags", "--", url, ref ?? "HEAD");
      await this.#git("-C", fresh, "checkout", "--quiet", "--force", "FETCH_HEAD");
      if (await exists(target)) await rename(target, join(staging, "old"));
      await rename(fresh, target);
      return target;
    } catch (error) {
      const stderr =
        error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
      throw new HoldfastError(
        "sandbox",
        "skill_source_failed",
        `skills could not be fetched from ${url}: ${stderr}`,
        {
          statusCode: 502,
          metadata: { source: url },
          cause: error,
        },
      );
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }

  async #git(...args: readonly string[]): Promise<void> {
    // Transports that run commands are off, nothing is asked for, and no hook is run.
    const env = {
      ...this.#options.env,
      GIT_TERMINAL_PROMPT: "0",
      GIT_ALLOW_PROTOCOL: "https:http:ssh:git:file",
    };
    const options = { env, timeout: gitTimeoutMs, killSignal: "SIGKILL" as const };
    await run("git", ["-c", "core.hooksPath=/dev/null", ...args], options);
  }
}

function githubUrl(source: string): string {
  const match = /^(?:https:\/\/github\.com\/)?([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/.exec(source);
  if (match) return `https://github.com/${match[1]}/${match[2]}.git`;
  throw invalid(`"${source}" is not owner/name of a repository`);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
