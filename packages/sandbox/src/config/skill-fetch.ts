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
/** Time after which a repository is fetched again. */
const cacheTtlMs = 5 * 60_000;
const gitTimeoutMs = 60_000;

export interface SkillFetcherOptions {
  readonly paths: Paths;
  /** Cache of fetched repositories. */
  readonly cacheDirectory: string;
  /** Environment of git, the same as that of agents. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: Logger;
}

/** Fetches the sources of skills to this machine. */
export class SkillFetcher {
  readonly #options: SkillFetcherOptions;
  readonly #cache = new Map<string, { readonly fetchedAt: number; readonly directory: Promise<string> }>();

  constructor(options: SkillFetcherOptions) {
    this.#options = options;
  }

  /**
   * Returns the local directory of a source. Relative sources start at `directory`. A repository is fetched again
   * after five minutes; an unreachable one falls back to the cached copy. Throws `sandbox.invalid_request` for an
   * invalid source and `sandbox.skill_source_failed` for a repository that cannot be fetched.
   */
  async fetch(source: SkillSource, directory: string): Promise<string> {
    switch (source.type) {
      case "local":
        return await this.#resolveLocal(source.source, directory);
      case "git":
        return await this.#fetchRepository(source.source, source.ref);
      case "github":
        return await this.#fetchRepository(githubUrl(source.source), source.ref);
      default:
        throw invalid(`the type of a skill source must be "local", "git" or "github", not "${source.type}"`);
    }
  }

  async #resolveLocal(source: string, directory: string): Promise<string> {
    const { paths } = this.#options;
    const isHome = source === "~" || source.startsWith("~/");
    // Throws for a path outside the root, if there is one.
    const path = paths.absolute(isHome || isAbsolute(source) ? source : resolve(directory, source));
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory()) return path;
    throw invalid(`the skill source ${path} is not a directory`);
  }

  async #fetchRepository(url: string, ref: string | undefined): Promise<string> {
    if (url.startsWith("-") || ref?.startsWith("-")) throw invalid("a skill source must not start with -");
    const key = createHash("sha256")
      .update(`${url}\0${ref ?? ""}`)
      .digest("hex")
      .slice(0, 24);
    const cached = this.#cache.get(key);
    if (cached && performance.now() - cached.fetchedAt < cacheTtlMs) return await cached.directory;
    const fetched = this.#fetchOrCached(url, ref, key);
    this.#cache.set(key, { fetchedAt: performance.now(), directory: fetched });
    return await fetched;
  }

  /**
   * Fetches the repository, or falls back to the cached copy. A failure is not cached, so the next call tries again.
   */
  async #fetchOrCached(url: string, ref: string | undefined, key: string): Promise<string> {
    const target = join(this.#options.cacheDirectory, key);
    try {
      return await this.#clone(url, ref, target);
    } catch (error) {
      this.#cache.delete(key);
      if (!(await exists(target))) throw error;
      this.#options.log.warn("skills could not be updated; using the cached copy", {
        url,
        cause: String(error),
      });
      return target;
    }
  }

  /** Fetches one commit into a staging directory, then replaces the old directory with it. */
  async #clone(url: string, ref: string | undefined, target: string): Promise<string> {
    const { cacheDirectory } = this.#options;
    await mkdir(cacheDirectory, { recursive: true, mode: 0o700 });
    const staging = await mkdtemp(join(cacheDirectory, ".new-"));
    try {
      const checkout = join(staging, "new");
      await this.#git("init", "--quiet", "--", checkout);
      await this.#git("-C", checkout, "fetch", "--quiet", "--depth=1", "--no-tags", "--", url, ref ?? "HEAD");
      await this.#git("-C", checkout, "checkout", "--quiet", "--force", "FETCH_HEAD");
      if (await exists(target)) await rename(target, join(staging, "old"));
      await rename(checkout, target);
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
    // Safe git: no transports that run commands, no prompts, no hooks.
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
  throw invalid(`"${source}" is not a GitHub repository of the form owner/name`);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
