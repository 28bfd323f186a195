import type { Tasks, Timer } from "@holdfast/core";
import type { WebSocket } from "ws";

/** Pings a peer, and drops its socket when no answer comes. */
export class Pings {
  readonly #webSocket: WebSocket;
  #timer: Timer | undefined;
  #isStopped = false;
  /** Set by everything that comes from the peer. */
  isAlive = true;

  constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    webSocket.on("pong", () => {
      this.isAlive = true;
    });
  }

  start(tasks: Tasks, intervalMs: number, timeoutMs: number): void {
    if (this.#isStopped) return;
    this.#timer = tasks.after(intervalMs, () => {
      this.isAlive = false;
      this.#webSocket.ping();
      this.#timer = tasks.after(timeoutMs, () => {
        // Input that has arrived in the meantime is read first: this process may have been busy.
        tasks.macrotask(() => {
          if (this.isAlive) this.start(tasks, intervalMs, timeoutMs);
          else this.#webSocket.terminate();
        });
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
