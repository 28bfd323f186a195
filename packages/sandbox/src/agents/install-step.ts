import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { killFamily, markerName } from "../internal/spawn/process-group.ts";

const run = promisify(execFile);
const maxOutputBytes = 16 * 1_048_576;

export interface InstallStep {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Without end by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs one program of an installation and resolves to what it printed. Where it fails, takes too long or is
 * given up by `signal`, nothing is left of it when this rejects: steps of packages start programs of their own.
 */
export async function runStep({ program, args, cwd, env, timeoutMs, signal }: InstallStep): Promise<string> {
  signal?.throwIfAborted();
  const marker = randomUUID();
  const running = run(program, [...args], {
    cwd,
    env: { ...env, [markerName]: marker },
    maxBuffer: maxOutputBytes,
    killSignal: "SIGKILL",
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  // What holds its output open would have its end waited for.
  const giveUp = () => {
    running.child.kill("SIGKILL");
    void killFamily({ pid: 0, marker });
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    return (await running).stdout;
  } catch (error) {
    await killFamily({ pid: 0, marker });
    throw error;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}
