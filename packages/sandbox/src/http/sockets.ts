import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import { invalid, problemResponseText } from "./problem.ts";

/** One WebSocket upgrade request with its route parameters. */
export interface SocketExchange {
  readonly request: IncomingMessage;
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The query without `access_token`, which only the guard reads. */
  readonly query: URLSearchParams;
  /** Aborts when the connection closes, accepted or not. */
  readonly signal: AbortSignal;
  /**
   * Completes the handshake. Call it once. An error that the handler throws before becomes a problem response; a later
   * one closes the socket with 1011 and `group.code`. Rejects when the client's handshake is invalid, which has then
   * been answered.
   */
  accept(): Promise<WebSocket>;
}

/** Largest message of a client, in bytes. Holds 64 KiB of input as base64 in JSON several times over. */
const maxMessageBytes = 1_048_576;

/** Time that a client has to answer a close frame before its connection is destroyed. */
const closeTimeoutMs = 1_000;

/** WebSockets of a server, from the handshake until the server closes. */
export class Sockets {
  /** Loaded with the first upgrade, because the library takes megabytes. */
  #server: WebSocketServer | undefined;
  readonly #pending = new Set<Duplex>();
  #closed = false;

  get size(): number {
    return this.#server?.clients.size ?? 0;
  }

  /** Registers a connection that requests an upgrade, so that {@link close} ends it whatever its handler does. */
  track(socket: Duplex): void {
    this.#pending.add(socket);
    socket.once("close", () => this.#pending.delete(socket));
    if (this.#closed) socket.destroy();
  }

  async accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> {
    const { WebSocketServer: Library } = await import("ws");
    const options = { noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false };
    this.#server ??= new Library(options).on("wsClientError", refuse);
    return await this.#handshake(this.#server, request, socket, head);
  }

  #handshake(
    server: WebSocketServer,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<WebSocket> {
    return new Promise((resolve, reject) => {
      const failed = () => reject(new Error("the WebSocket handshake failed"));
      if (socket.destroyed) {
        failed();
        return;
      }
      socket.once("close", failed);
      server.handleUpgrade(request, socket, head, (webSocket) => {
        socket.removeListener("close", failed);
        // A failing connection needs no handling here: "close" follows and ends the handler.
        webSocket.on("error", () => {});
        resolve(webSocket);
      });
    });
  }

  /** Closes every socket with 1001, and destroys those that do not answer in time. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#pending];
    for (const client of this.#server?.clients ?? []) client.close(1001, "sandbox.closed");
    const allClosed = Promise.all(
      open.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))),
    );
    const accepted = this.size;
    const timer = setTimeout(
      () => {
        for (const socket of open) socket.destroy();
      },
      accepted === 0 ? 0 : closeTimeoutMs,
    );
    await allClosed;
    clearTimeout(timer);
  }
}

/** Replaces the HTML page with which the library refuses an invalid handshake. */
function refuse(error: Error, socket: Duplex): void {
  socket.end(problemResponseText(invalid(error.message)), () => socket.destroy());
}
