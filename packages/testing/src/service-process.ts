import type { ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Resolves when a service takes connections on its Unix socket, since it says nowhere else that it is ready.
 * Rejects when it ends before, and after a minute.
 */
export async function listens(service: ChildProcess, socketPath: string, name: string): Promise<void> {
  const stop = new AbortController();
  service.once("exit", (code) => stop.abort(new Error(`${name} ended with ${code}`)));
  service.once("error", (error) => stop.abort(error));
  const deadline = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
  while (!(await connects(socketPath))) {
    deadline.throwIfAborted();
    await delay(20);
  }
}

function connects(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Asks a process to end, and waits for it. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exit;
}
