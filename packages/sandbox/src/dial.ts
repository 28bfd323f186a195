import type { Server } from "node:http";
import { connect, type Socket } from "node:net";
import type { Logger } from "@holdfast/core";

/**
 * Number of connections without a request so far that are kept ready. Used ones do not count: the host's next request
 * may wait for a connection of its own while others that it has are idle.
 */
const spareConnections = 2;
const firstRetryMs = 20;
const maxRetryMs = 1_000;

/**
 * Serves HTTP over outgoing connections, for a jail that may only connect to one Unix socket. The host sends its
 * requests over any idle connection.
 */
export class Dialler {
  readonly #server: Server;
  readonly #path: string;
  readonly #log: Logger;
  readonly #fresh = new Set<Socket>();
  readonly #idle = new Set<Socket>();
  readonly #busy = new Set<Socket>();
  #dialling = 0;
  #retryMs = firstRetryMs;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;
  #firstConnection: (() => void) | undefined;

  constructor(server: Server, path: string, log: Logger) {
    this.#server = server;
    this.#path = path;
    this.#log = log;
    server.on("request", (request, response) => {
      this.#onRequest(request.socket);
      response.once("close", () => this.#release(request.socket));
    });
    // A connection that was upgraded to a WebSocket serves no further requests.
    server.on("upgrade", (request) => this.#onRequest(request.socket));
  }

  /**
   * Starts dialling. Resolves when the host has accepted the first connection. Retries until {@link stop}. If `signal`
   * aborts, stops and rejects with its reason.
   */
  async start(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const first = new Promise<void>((resolve) => {
      this.#firstConnection = resolve;
    });
    const giveUp = () => this.stop();
    signal?.addEventListener("abort", giveUp, { once: true });
    this.#fill();
    await first;
    signal?.removeEventListener("abort", giveUp);
    signal?.throwIfAborted();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#firstConnection?.();
    for (const socket of [...this.#fresh, ...this.#idle, ...this.#busy]) socket.destroy();
  }

  #fill(): void {
    if (this.#stopped || this.#retry !== undefined) return;
    while (this.#fresh.size + this.#dialling < spareConnections) this.#dial();
  }

  #dial(): void {
    this.#dialling += 1;
    const socket = connect(this.#path);
    let connected = false;
    socket.once("connect", () => {
      connected = true;
      this.#dialling -= 1;
      this.#retryMs = firstRetryMs;
      if (this.#stopped) {
        socket.destroy();
        return;
      }
      this.#fresh.add(socket);
      this.#server.emit("connection", socket);
      this.#firstConnection?.();
    });
    socket.on("error", (error) => this.#log.debug("control connection failed", { cause: String(error) }));
    socket.once("close", () => {
      if (!connected) this.#dialling -= 1;
      this.#fresh.delete(socket);
      this.#idle.delete(socket);
      this.#busy.delete(socket);
      if (connected) this.#fill();
      else this.#retryLater();
    });
  }

  #retryLater(): void {
    if (this.#stopped || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#fill();
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs);
  }

  #onRequest(socket: Socket): void {
    if (!this.#fresh.delete(socket) && !this.#idle.delete(socket)) return;
    this.#busy.add(socket);
    this.#fill();
  }

  #release(socket: Socket): void {
    if (!this.#busy.delete(socket) || socket.destroyed) return;
    // The host closes what it has too many of: closed here, one could end under a request that is on its way.
    this.#idle.add(socket);
  }
}
