import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { HoldfastError } from "@holdfast/core";
import { pluginLimits } from "../plugin-limits.ts";

const run = promisify(execFile);

const gitLimits = { timeoutMs: 60_000, maxOutputBytes: 4 * 1024 * 1024 } as const;

/** The shell's limit applies to each file that git writes, mainly packs; its unit is 512 bytes. */
const bounded = `ulimit -f ${pluginLimits.maxFolderBytes / 512} && exec git "$@"`;

function refused(code: string, message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("plugin", code, message, {
    statusCode: 400,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Excludes characters with a meaning to a shell. */
const unsafe = /[;|&$`(){}<>\\'"\s\0]/;

/** Checks an address. `sources` are additional prefixes that the operator allows. Throws `plugin.invalid_url`. */
export function checkUrl(url: unknown, sources: readonly string[]): string {
  const wrong = (why: string) => refused("invalid_url", `The address of a plugin ${why}`);
  if (typeof url !== "string" || url.length > 2_048 || unsafe.test(url) || url.startsWith("-")) {
    throw wrong("must be a plain https:// or git@ address");
  }
  if (sources.some((prefix) => prefix !== "" && url.startsWith(prefix))) return url;
  if (/^git@[A-Za-z0-9.-]+:[A-Za-z0-9._~/-]+$/.test(url)) return url;
  const parsed = url.startsWith("https://") ? URL.parse(url) : null;
  if (parsed === null) throw wrong("must begin with https:// or git@");
  if (parsed.username !== "" || parsed.password !== "") throw wrong("must not contain a credential");
  return url;
}

/** Environment of git, without the user's own configuration. */
function gitEnvironment(sources: readonly string[]): Record<string, string> {
  const protocols = ["https", "ssh"];
  if (sources.some((each) => each.startsWith("file:") || each.startsWith("/"))) protocols.push("file");
  if (sources.some((each) => each.startsWith("http:"))) protocols.push("http");
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: "/nonexistent",
    LANG: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_LFS_SKIP_SMUDGE: "1",
    GIT_ALLOW_PROTOCOL: protocols.join(":"),
  };
}

const safety = [
  ["core.hooksPath", "/dev/null"],
  ["core.symlinks", "false"],
  ["core.fsmonitor", "false"],
  ["core.attributesFile", "/dev/null"],
  ["protocol.ext.allow", "never"],
  ["submodule.recurse", "false"],
].flatMap(([key, value]) => ["-c", `${key}=${value}`]);

/**
 * Fetches the latest commit of a repository into `target`, which must not exist, and removes all git data, so that no
 * hook, filter or configuration takes effect later. Returns the commit. Throws `plugin.fetch_failed`,
 * `plugin.unsafe_repository`.
 */
export async function fetchPlugin(url: string, target: string, sources: readonly string[]): Promise<string> {
  const options = {
    env: gitEnvironment(sources),
    timeout: gitLimits.timeoutMs,
    maxBuffer: gitLimits.maxOutputBytes,
    killSignal: "SIGKILL",
  } as const;
  const git = async (...args: string[]) => {
    try {
      return (await run("/bin/sh", ["-c", bounded, "git", ...safety, ...args], options)).stdout;
    } catch (cause) {
      // git's output can contain a path, or an address with a token.
      throw refused("fetch_failed", "The plugin could not be fetched. The host's log says why", cause);
    }
  };
  const shallow = ["--depth", "1", "--single-branch", "--no-tags", "--no-checkout"];
  await git("clone", ...shallow, "--template=", "--", url, target);
  // Before the checkout: a small repository can expand to very many files.
  checkTree(await git("-C", target, "ls-tree", "-r", "-l", "-z", "HEAD"));
  await git("-C", target, "checkout", "--quiet", "--force", "HEAD");
  const commit = (await git("-C", target, "rev-parse", "HEAD")).trim();
  await rm(join(target, ".git"), { recursive: true, force: true });
  return commit;
}

/** Throws `plugin.unsafe_repository` for links, submodules, and trees larger than a plugin's folder may be. */
function checkTree(listed: string): void {
  const entries = listed.split("\0").filter((entry) => entry !== "");
  let bytes = 0;
  for (const entry of entries) {
    const [mode, , , size = "0"] = entry.slice(0, entry.indexOf("\t")).split(/ +/);
    const path = entry.slice(entry.indexOf("\t") + 1);
    if (mode === "120000") throw refused("unsafe_repository", `The repository has a link: ${path}`);
    if (mode === "160000" || path === ".gitmodules")
      throw refused("unsafe_repository", "The repository has submodules");
    bytes += Number(size);
  }
  const { maxFolderFiles, maxFolderBytes } = pluginLimits;
  if (entries.length > maxFolderFiles || bytes > maxFolderBytes) {
    const most = `${maxFolderFiles} files or ${maxFolderBytes} bytes`;
    throw refused("unsafe_repository", `The repository has more than ${most}`);
  }
}
