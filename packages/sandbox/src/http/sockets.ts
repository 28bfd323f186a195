import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import { invalid, problemResponseText } from "./problem.ts";

/** One WebSocket request with what the router found out about it. */
export interface SocketExchange {
  readonly request: IncomingMessage;
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The query without `access_token`, which is read by the guard alone. */
  readonly query: URLSearchParams;
  /** Aborted when the connection is gone, whether it was accepted or not. */
  readonly signal: AbortSignal;
  /**
   * Completes the handshake; to be called once. What is thrown before it answers the request with a
   * problem document; what is thrown after it closes the socket with 1011 and `group.code`. Rejects
   * when the client sent no proper handshake: it was answered then.
   */
  accept(): Promise<WebSocket>;
}

/** Largest message of a client, in bytes: input of 64 KiB as base64 in JSON fits many times. */
const maxMessageBytes = 1_048_576;

/** How long a client may take to answer a close frame before its connection is cut. */
const closePatienceMs = 1_000;

/** The WebSockets of a server: handshakes, and what is open until the server closes. */
export class Sockets {
  /** The library takes megabytes, which a server that nobody asks for a WebSocket does without. */
  #server: WebSocketServer | undefined;
  readonly #pending = new Set<Duplex>();
  #closed = false;

  get size(): number {
    return this.#server?.clients.size ?? 0;
  }

  /** Notes a connection that asks for an upgrade, so that closing ends it whatever its handler does. */
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
        // A broken connection is the client's affair; "close" follows and ends the handler.
        webSocket.on("error", () => {});
        resolve(webSocket);
      });
    });
  }

  /** Closes every socket with 1001 and, where the client does not answer in time, cuts it. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#pending];
    for (const client of this.#server?.clients ?? []) client.close(1001, "sandbox.closed");
    const ended = Promise.all(
      open.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))),
    );
    const accepted = this.size;
    const timer = setTimeout(
      () => {
        for (const socket of open) socket.destroy();
      },
      accepted === 0 ? 0 : closePatienceMs,
    );
    await ended;
    clearTimeout(timer);
  }
}

/** The library would answer a handshake that is none with a page of HTML. */
function refuse(error: Error, socket: Duplex): void {
  socket.end(problemResponseText(invalid(error.message)), () => socket.destroy());
}
