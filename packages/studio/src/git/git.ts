/** Runs git on the host without trusting a jail's `.git`. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { HoldfastError, type Logger, silentLogger } from "@holdfast/core";
import { endGroup, GitHost, gitMissing, timedOut } from "./git-host.ts";

/**
 * Hardened git for the host. Arguments are arrays. Nothing from a repository is executed: no hooks, fsmonitor,
 * filters, external diffs or remote helpers. It never prompts, and its only transport is a local path, unless a
 * call allows another one (`remotes/remote-git.ts`). Never run it on
 * a `.git` that an agent can write.
 */
export interface Git {
  /**
   * Runs a command and returns its standard output. Throws `git.missing`, `git.failed`, `git.timed_out`,
   * `git.output_too_long`.
   */
  run(args: readonly string[], options?: GitRunOptions): Promise<Buffer>;
  /** Like `run`, decoded as UTF-8 and without the final line end. */
  text(args: readonly string[], options?: GitRunOptions): Promise<string>;
  /** Like `run`, but returns the exit status instead of throwing if it is not 0. */
  status(args: readonly string[], options?: GitRunOptions): Promise<GitResult>;
  /** Passes each chunk of standard output to `onData`, for output that may not fit into memory. */
  stream(args: readonly string[], onData: (chunk: Buffer) => void, options?: GitRunOptions): Promise<void>;
  /** Ends the process that starts commands. The next command starts it again. */
  close(): Promise<void>;
}

export interface GitRunOptions {
  /** Working directory; `/` by default. */
  readonly cwd?: string;
  /** Added to the fixed environment; `GIT_DIR`, for example. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Readable | Buffer | string;
  /** 120 s by default. */
  readonly timeoutMs?: number;
  /** 16 MiB by default. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
  /** Called with each piece of standard error, for the progress of a transfer; the result then has its end. */
  readonly onErrorOutput?: (text: string) => void;
  /** Ends the programs that git has started with it, which would go on with a transfer. */
  readonly endsChildren?: boolean;
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
 * The only configuration besides the repository's own. It is a file because git drops `-c` arguments for the processes
 * that it starts on the other side of a fetch.
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

/** Settings that a repository's own configuration could override. Arguments take precedence over both files. */
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

/** Creates a runner whose configuration file is in `directory`, which must be invisible to every jail. */
export function createGit(directory: string, log: Logger = silentLogger): Git {
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
  const host = new GitHost(log);
  const execute = (args: readonly string[], options: GitRunOptions, onData: (chunk: Buffer) => void) =>
    executeGit(args, { ...options, env: { ...environment, ...options.env } }, onData);

  const status = async (args: readonly string[], options: GitRunOptions = {}): Promise<GitResult> => {
    const max = options.maxOutputBytes ?? defaultMaxOutputBytes;
    const tooLong = () =>
      new HoldfastError("git", "output_too_long", `git ${args[0]} wrote more than ${max} bytes`);
    if (isCaptured(options)) {
      const result = await host.capture({
        args: [...overrides, ...args],
        cwd: options.cwd ?? "/",
        env: { ...environment, ...options.env },
        maxOutputBytes: max,
        timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
        signal: options.signal,
      });
      if (result?.isTooLong === true) throw tooLong();
      if (result !== undefined)
        return { ...result, stderr: result.stderr.toString("utf8", 0, maxErrorBytes) };
    }
    const chunks: Buffer[] = [];
    let size = 0;
    const result = await execute(args, options, (chunk) => {
      size += chunk.length;
      if (size > max) throw tooLong();
      chunks.push(chunk);
    });
    return { ...result, stdout: Buffer.concat(chunks) };
  };
  const run = async (args: readonly string[], options?: GitRunOptions) => {
    const result = await status(args, options);
    if (result.status !== 0) throw gitFailed(args, result.status, result.stderr);
    return result.stdout;
  };
  return {
    status,
    run,
    text: async (args, options) => (await run(args, options)).toString("utf8").replace(/\n$/, ""),
    async stream(args, onData, options = {}) {
      const result = await execute(args, options, onData);
      if (result.status !== 0) throw gitFailed(args, result.status, result.stderr);
    },
    close: () => host.close(),
  };
}

/** Whether a command needs no pipe to this process, so that another one may start it. */
function isCaptured({ input, onErrorOutput, endsChildren }: GitRunOptions): boolean {
  return input === undefined && onErrorOutput === undefined && endsChildren !== true;
}

function gitFailed(args: readonly string[], status: number, stderr: string): HoldfastError {
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
      // A group of its own.
      detached: options.endsChildren === true,
    });
    let failure: unknown;
    const stop = (error: unknown) => {
      failure ??= error;
      if (options.endsChildren !== true || child.pid === undefined) child.kill("SIGKILL");
      else endGroup(child.pid);
    };
    const { signal } = options;
    const onAbort = () => stop(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted === true) onAbort();
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const timer = setTimeout(() => stop(timedOut(timeoutMs)), timeoutMs);
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
      const text = chunk.toString("utf8");
      if (options.onErrorOutput !== undefined) stderr = (stderr + text).slice(-maxErrorBytes);
      else if (stderr.length < maxErrorBytes) stderr += text;
      options.onErrorOutput?.(text);
    });
    child.on("error", (error) => {
      failure ??= "code" in error && error.code === "ENOENT" ? gitMissing() : error;
    });
    child.on("close", (code, killedBy) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      if (failure !== undefined) reject(failure);
      else if (code === null) reject(new HoldfastError("git", "failed", `git was killed by ${killedBy}`));
      else resolve({ status: code, stderr });
    });
    // Git may close its input early. Its exit status reports the cause.
    child.stdin.on("error", () => {});
    if (options.input === undefined || typeof options.input === "string" || Buffer.isBuffer(options.input)) {
      child.stdin.end(options.input);
    } else {
      options.input.on("error", stop);
      options.input.pipe(child.stdin);
    }
  });
}
