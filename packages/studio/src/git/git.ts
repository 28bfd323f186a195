/** Clones, snapshots, diffs and branches, without trusting a jail's `.git`. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { HoldfastError } from "@holdfast/core";

/**
 * Host-side git, hardened. Arguments are arrays; nothing of the repository is executed: no hooks, no
 * fsmonitor, no filters, no external diff, no remote helper; nothing asks at a terminal; the only
 * transport is a path of this machine. It never runs on a `.git` that an agent could write.
 */
export interface Git {
  /** Runs to the end and returns standard output. Throws `git.missing`, `git.failed`, `git.timed_out`, `git.output_too_long`. */
  run(args: readonly string[], options?: GitRunOptions): Promise<Buffer>;
  /** As `run`, decoded as UTF-8, without the final line end. */
  text(args: readonly string[], options?: GitRunOptions): Promise<string>;
  /** As `run`, but hands out the exit status instead of throwing for one that is not 0. */
  status(args: readonly string[], options?: GitRunOptions): Promise<GitResult>;
  /** Hands each chunk of standard output to `onData`, for output that need not fit into memory. */
  stream(args: readonly string[], onData: (chunk: Buffer) => void, options?: GitRunOptions): Promise<void>;
}

export interface GitRunOptions {
  /** Working directory; `/` by default. */
  readonly cwd?: string;
  /** Added to the fixed environment, for instance `GIT_DIR`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Readable | Buffer | string;
  /** 120 s by default. */
  readonly timeoutMs?: number;
  /** 16 MiB by default. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
}

export interface GitResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const maxErrorBytes = 16 * 1024;
const defaultTimeoutMs = 120_000;
const defaultMaxOutputBytes = 16 * 1024 * 1024;

/**
 * The only configuration that git reads besides a repository's own. It is a file, not `-c` arguments,
 * because git drops those for the processes that it starts on the other side of a fetch.
 */
const globalConfig = `[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tlogAllRefUpdates = false
[protocol]
\tallow = never
[protocol "file"]
\tallow = always
[gc]
\tauto = 0
[maintenance]
\tauto = false
[init]
\ttemplateDir =
`;

/** What a repository's own configuration would win over the global file for; arguments win over both. */
const overrides = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.sshCommand", "/bin/false"],
  ["core.askPass", "/bin/false"],
  ["credential.helper", ""],
  ["protocol.allow", "never"],
  ["protocol.file.allow", "always"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["submodule.recurse", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["commit.gpgSign", "false"],
  ["core.alternateRefsCommand", "/bin/false"],
].flatMap(([key, value]) => ["-c", `${key}=${value}`]);

/** `directory` takes the configuration file; it must be the host's own, never visible to a jail. */
export function createGit(directory: string): Git {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const config = join(directory, "gitconfig");
  writeFileSync(config, globalConfig, { mode: 0o600 });
  const environment = {
    PATH: process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin",
    LC_ALL: "C",
    HOME: "/nonexistent",
    GIT_CONFIG_GLOBAL: config,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_ALLOW_PROTOCOL: "file",
    GIT_PAGER: "cat",
  };
  const execute = (args: readonly string[], options: GitRunOptions, onData: (chunk: Buffer) => void) =>
    executeGit(args, { ...options, env: { ...environment, ...options.env } }, onData);

  const status = async (args: readonly string[], options: GitRunOptions = {}): Promise<GitResult> => {
    const max = options.maxOutputBytes ?? defaultMaxOutputBytes;
    const chunks: Buffer[] = [];
    let size = 0;
    const result = await execute(args, options, (chunk) => {
      size += chunk.length;
      if (size > max)
        throw new HoldfastError("git", "output_too_long", `git ${args[0]} wrote more than ${max} bytes`);
      chunks.push(chunk);
    });
    return { ...result, stdout: Buffer.concat(chunks) };
  };
  const run = async (args: readonly string[], options?: GitRunOptions) => {
    const result = await status(args, options);
    if (result.status !== 0) throw failed(args, result.status, result.stderr);
    return result.stdout;
  };
  return {
    status,
    run,
    text: async (args, options) => (await run(args, options)).toString("utf8").replace(/\n$/, ""),
    async stream(args, onData, options = {}) {
      const result = await execute(args, options, onData);
      if (result.status !== 0) throw failed(args, result.status, result.stderr);
    },
  };
}

function missing(): HoldfastError {
  const message =
    "Tasks work on git repositories, and git is not installed. Run: sudo apt-get install --yes git";
  return new HoldfastError("git", "missing", message);
}

function failed(args: readonly string[], status: number, stderr: string): HoldfastError {
  const verb = args.find((arg) => !arg.startsWith("-")) ?? "";
  return new HoldfastError(
    "git",
    "failed",
    `git ${verb} failed (${status}): ${stderr.trim().slice(0, 2_000)}`,
  );
}

function executeGit(
  args: readonly string[],
  options: GitRunOptions,
  onData: (chunk: Buffer) => void,
): Promise<{ readonly status: number; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", [...overrides, ...args], {
      cwd: options.cwd ?? "/",
      env: options.env,
      stdio: ["pipe", "pipe", "pipe"],
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      killSignal: "SIGKILL",
    });
    let failure: unknown;
    const stop = (error: unknown) => {
      failure ??= error;
      child.kill("SIGKILL");
    };
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const timer = setTimeout(
      () => stop(new HoldfastError("git", "timed_out", `git took longer than ${timeoutMs} ms`)),
      timeoutMs,
    );
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (failure !== undefined) return;
      try {
        onData(chunk);
      } catch (error) {
        stop(error);
      }
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (stderr.length < maxErrorBytes) stderr += chunk.toString("utf8");
    });
    child.on("error", (error) => {
      failure ??= "code" in error && error.code === "ENOENT" ? missing() : error;
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (failure !== undefined) reject(failure);
      else if (code === null) reject(new HoldfastError("git", "failed", `git was ended by ${signal}`));
      else resolve({ status: code, stderr });
    });
    // Git may close its input early; its exit status then says why.
    child.stdin.on("error", () => {});
    if (options.input === undefined || typeof options.input === "string" || Buffer.isBuffer(options.input)) {
      child.stdin.end(options.input);
    } else {
      options.input.on("error", stop);
      options.input.pipe(child.stdin);
    }
  });
}
