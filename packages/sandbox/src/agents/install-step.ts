import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { killFamily, markerName } from "../internal/spawn/process-group.ts";

const run = promisify(execFile);
const maxOutputBytes = 16 * 1_048_576;

/** One program that an installation runs. */
export interface InstallStep {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Default: no timeout. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs one program of an installation and returns its output. When it fails, times out or is aborted, all processes
 * that it started are gone before this rejects: package scripts start programs of their own.
 */
export async function runStep({ program, args, cwd, env, timeoutMs, signal }: InstallStep): Promise<string> {
  signal?.throwIfAborted();
  const marker = randomUUID();
  const child = run(program, [...args], {
    cwd,
    env: { ...env, [markerName]: marker },
    maxBuffer: maxOutputBytes,
    killSignal: "SIGKILL",
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  // A process that keeps the output open would delay the exit event.
  const abortStep = () => {
    child.child.kill("SIGKILL");
    void killFamily({ pid: 0, marker });
  };
  signal?.addEventListener("abort", abortStep, { once: true });
  try {
    return (await child).stdout;
  } catch (error) {
    await killFamily({ pid: 0, marker });
    throw error;
  } finally {
    signal?.removeEventListener("abort", abortStep);
  }
}
