import type { ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Resolves when a service accepts connections on its Unix socket. Rejects when it exits before that, or after a
 * minute.
 */
export async function waitForSocket(service: ChildProcess, socketPath: string, name: string): Promise<void> {
  const stop = new AbortController();
  service.once("exit", (code) => stop.abort(new Error(`${name} exited with ${code}`)));
  service.once("error", (error) => stop.abort(error));
  const deadline = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
  while (!(await canConnect(socketPath))) {
    deadline.throwIfAborted();
    await delay(20);
  }
}

function canConnect(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Terminates a process and waits for its exit. */
export async function terminate(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exit;
}
