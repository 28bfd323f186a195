import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Encoding } from "@holdfast/client";
import type { Tasks } from "@holdfast/core";
import { WebSocket } from "ws";
import type { Session } from "../../sessions/session.ts";
import type { SessionOutput } from "../../sessions/types.ts";

/**
 * Emits `closing` when either side begins to close: the end of the transport would report that some time later, and a
 * peer that waits for the answer to its close expects the actor to know.
 */
export class PeerSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    const isOpen = this.readyState === WebSocket.OPEN;
    super.close(code, reason);
    if (isOpen) this.emit("closing", code);
  }
}

/** The WebSocket of one connection, whatever its frames look like. Nothing is read from it before it has a session. */
export interface ConnectionSocket extends SessionOutput {
  /** Of its parameters. */
  readonly encoding: Encoding;
  /** With `dropsEvents`, a peer that reads too slowly misses events instead of being closed. */
  attach(session: Session, maxIncomingBytes: number, dropsEvents: boolean): void;
  /**
   * Pings the peer every `intervalMs`, and drops the socket if no answer comes within `timeoutMs`. Zero for either
   * disables that.
   */
  watch(tasks: Tasks, intervalMs: number, timeoutMs: number): void;
  /** Closes so that the client reconnects later; resolves when the socket is closed. */
  shutDown(tasks: Tasks): Promise<void>;
}

/** The frames of a kind of client. */
export interface SocketWire {
  /** Offered by each of its connections, and accepted. */
  readonly subprotocol: string;
  open(upgraded: {
    readonly webSocket: PeerSocket;
    readonly carrier: Duplex;
    readonly request: IncomingMessage;
    readonly onEnd: () => void;
  }): ConnectionSocket;
  /** Throws for a handshake that it cannot serve. */
  check?(request: IncomingMessage): void;
}
