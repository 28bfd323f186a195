import { HoldfastError, type Logger } from "@holdfast/core";
import { SpawnHost, StartFailure } from "@holdfast/core/spawn-host";

/** A command of git without input whose output fits into memory. */
export interface CapturedGit {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly maxOutputBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface CapturedResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** More than `maxOutputBytes` were written. */
  readonly isTooLong: boolean;
}

/** ENOENT. */
const notFound = 2;

/**
 * Starts git from a small process of its own: a fork of the server copies its page tables, and blocks its event loop
 * for milliseconds. A task starts git dozens of times.
 */
export class GitHost {
  readonly #log: Logger;
  #starting: Promise<SpawnHost | undefined> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * Undefined where no host can run (Perl or Linux is missing). Throws `git.missing`, `git.failed`, `git.timed_out`,
   * and the reason of the signal.
   */
  async capture(command: CapturedGit): Promise<CapturedResult | undefined> {
    const { args, cwd, env, maxOutputBytes, timeoutMs, signal } = command;
    const host = await this.#host();
    if (host === undefined) return undefined;
    signal?.throwIfAborted();
    const request = { program: "git", args, cwd, env, keepBytes: maxOutputBytes };
    const started = await host
      .run({ ...request, group: undefined, makesGroup: false, limited: [] })
      .catch((error: unknown) => {
        throw startError(error);
      });
    let failure: unknown;
    const end = (reason: unknown) => {
      failure ??= reason;
      endGroup(started.pid);
    };
    const onAbort = () => end(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted === true) onAbort();
    const timer = setTimeout(() => end(timedOut(timeoutMs)), timeoutMs);
    try {
      const [{ exitCode }, output] = await Promise.all([started.exited, started.output]).catch((error) => {
        throw startError(error);
      });
      if (failure !== undefined) throw failure;
      if (exitCode === null) throw new HoldfastError("git", "failed", "git was killed by a signal");
      const { stdout, stderr, stdoutTruncated: isTooLong } = output;
      return { status: exitCode, stdout, stderr, isTooLong };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Ends the host and what it has started. */
  async close(): Promise<void> {
    const starting = this.#starting;
    this.#starting = undefined;
    await (await starting)?.close();
  }

  async #host(): Promise<SpawnHost | undefined> {
    const known = this.#starting;
    // One that was killed is replaced; those who saw it at the same time share the new one.
    if ((await known)?.isLost === true && this.#starting === known) this.#starting = undefined;
    this.#starting ??= SpawnHost.start({}, this.#log);
    return await this.#starting;
  }
}

export function gitMissing(): HoldfastError {
  const message =
    "Git is not installed. Tasks need it to work on repositories. Run: sudo apt-get install --yes git";
  return new HoldfastError("git", "missing", message);
}

export function timedOut(timeoutMs: number): HoldfastError {
  return new HoldfastError("git", "timed_out", `git took longer than ${timeoutMs} ms`);
}

/** Kills a process that leads its group, with all others of the group. */
export function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // All of them have ended by themselves.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function startError(error: unknown): unknown {
  if (!(error instanceof StartFailure))
    return new HoldfastError("git", "failed", "git ended with the process that had started it", {
      cause: error,
    });
  if (error.step === "x" && error.errno === notFound) return gitMissing();
  return new HoldfastError("git", "failed", `git could not be started: ${error.message}`, { cause: error });
}
