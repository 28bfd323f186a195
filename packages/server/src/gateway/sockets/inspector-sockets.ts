import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { closeReason } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { InspectorSession } from "../../inspector/session.ts";
import { serverLimits } from "../../limits.ts";
import { asGet, type Peer } from "../../management/access.ts";
import type { Gateway } from "../gateway.ts";
import { visibleError } from "../http/exchange.ts";
import { routeNotFound } from "../route.ts";
import { offeredToken } from "./offered.ts";

const protocol = "holdfast.inspector.v1";

/** Another wire of inspectors, translated to our frames and back; one for each WebSocket. */
export interface InspectorWire {
  /** Undefined for a frame that has no counterpart. */
  outgoing(frame: string): Uint8Array | undefined;
  /** Throws errors of the frame. */
  incoming(bytes: Uint8Array): string;
}

/** The wire of the clients that offer a subprotocol. */
export interface ForeignInspectors {
  readonly subprotocol: string;
  open(): Promise<InspectorWire>;
}

/** The WebSockets of inspector clients. */
export class InspectorSockets {
  readonly #gateway: Gateway;
  readonly #foreign: ForeignInspectors | undefined;
  readonly #server: WebSocketServer;
  readonly #open = new Set<WebSocket>();
  #closed = false;

  constructor(gateway: Gateway, foreign?: ForeignInspectors) {
    this.#gateway = gateway;
    this.#foreign = foreign;
    const known = [protocol, ...(foreign === undefined ? [] : [foreign.subprotocol])];
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: serverLimits.maxInspectorMessageBytes,
      handleProtocols: (protocols) => known.find((each) => protocols.has(each)) ?? false,
    });
  }

  /** Accepts an upgrade. A refusal is a close with a reason, because browsers see nothing else. */
  accept(request: IncomingMessage, duplex: Duplex, head: Buffer, url: string): void {
    this.#server.handleUpgrade(request, duplex, head, (socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
      // A close event follows every error of the socket.
      socket.on("error", () => undefined);
      this.#admit(request, socket, url).catch((error: unknown) => {
        const { group, code } = visibleError(error, this.#gateway.directory.ports);
        socket.close(1008, closeReason(`${group}.${code}`));
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const closing = [...this.#open].map(
      (socket) =>
        new Promise<void>((resolve) => {
          const timer = this.#gateway.directory.ports.tasks.after(serverLimits.closeGraceMs, () =>
            socket.terminate(),
          );
          socket.once("close", () => {
            timer.cancel();
            resolve();
          });
          socket.close(1001, "gateway.shutting_down");
        }),
    );
    await Promise.all(closing);
  }

  async #admit(request: IncomingMessage, socket: WebSocket, url: string): Promise<void> {
    const { guard, management, directory } = this.#gateway;
    if (this.#closed) throw new HoldfastError("gateway", "shutting_down", "The server is shutting down");
    guard.check(request.headers.host, request.headers.origin);
    const route = this.#gateway.routeOf(url);
    if (route.kind !== "management" || route.of !== "inspector" || route.path !== "/connect")
      throw routeNotFound();
    const target = asGet(route.target);
    const early: RawData[] = [];
    const hold = (data: RawData): void => void (early.length < maxEarly && early.push(data));
    socket.on("message", hold);
    const rights = await management.access.admit("inspect", peerOf(request), target, offeredToken(request));
    const isForeign = this.#foreign !== undefined && socket.protocol === this.#foreign.subprotocol;
    const wire = isForeign ? await this.#foreign.open() : undefined;
    // A client that has left in the meantime would be watched for ever.
    if (socket.readyState === socket.CLOSED) return;
    /** A frame that cannot be translated ends the connection. */
    const attempt = (translate: () => void): void => {
      try {
        translate();
      } catch (error) {
        const { group, code } = visibleError(error, directory.ports);
        socket.close(1008, closeReason(`${group}.${code}`));
      }
    };
    const session = new InspectorSession({
      directory,
      api: management.inspector,
      target,
      rights,
      output: {
        send: (frame) => {
          if (socket.readyState !== socket.OPEN) return;
          attempt(() => {
            const sent = wire === undefined ? frame : wire.outgoing(frame);
            if (sent !== undefined) socket.send(sent);
          });
          if (socket.bufferedAmount > serverLimits.maxSendBufferBytes) socket.close(1013, "conn.too_slow");
        },
        close: (code, reason) => socket.close(code, reason),
      },
    });
    socket.on("close", () => session.end());
    await session.start();
    socket.off("message", hold);
    const take = (data: RawData): void => {
      if (wire === undefined) session.frame(String(data));
      else attempt(() => session.frame(wire.incoming(bytesOf(data))));
    };
    for (const data of early) take(data);
    socket.on("message", take);
  }
}

const maxEarly = 100;

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

function peerOf(request: IncomingMessage): Peer {
  return {
    method: "GET",
    peer: request.socket.remoteAddress,
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
  };
}

/** True if an upgrade is for an inspector. */
export function isInspectorSocket(url: string): boolean {
  return /^\/actors\/[^/?]+\/[^/?]+\/inspector\/connect(?:\?|$)/.test(url);
}
