import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { ownImports } from "@holdfast/testing/own-imports";

/** Starts `script` of this folder; its errors are shown, since a process that fails by itself is a finding. */
export function startScript(script: string, args: readonly string[]): ChildProcess {
  const path = new URL(script, import.meta.url).pathname;
  // Reading an extra certificate file doubles the start of a short process.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return spawn(process.execPath, [...ownImports, path, ...args], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env,
  });
}

/** Resolves when `child` has said that it is ready. */
export async function ready(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`The process ended before it was ready, with code ${code}`);
  });
  await Promise.race([once(child, "message"), ended]);
}

/** Kills `child` after `delayMs`, and fails when it had ended before by itself. */
export async function killAfter(child: ChildProcess, delayMs: number): Promise<void> {
  const exited = once(child, "exit");
  const timer = setTimeout(() => child.kill("SIGKILL"), delayMs);
  const [code, signal] = await exited;
  clearTimeout(timer);
  if (signal !== "SIGKILL") throw new Error(`The process ended by itself, with code ${code}`);
}
