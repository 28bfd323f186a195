import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { OutgoingEvent } from "@holdfast/actors";
import { closeReason } from "@holdfast/client";
import { HoldfastError, type Tasks, toWireError, type WireError } from "@holdfast/core";
import type { RawData } from "ws";
import { serverLimits } from "../../limits.ts";
import type { Session } from "../../sessions/session.ts";
import type { ConnectionSocket, PeerSocket, SocketWire } from "../sockets/connection-socket.ts";
import { protocolsOf } from "../sockets/offered.ts";
import { Pings } from "../sockets/pings.ts";
import { clientError, clientReason, streamUnsupported } from "./client-error.ts";
import { firstVersion } from "./codec/bare.ts";
import { decodeFrame, encodeFrame } from "./codec/frames.ts";
import type { ServerMessage } from "./codec/messages.ts";
import { ownValue, type RivetEncoding } from "./codec/values.ts";
import { rivetEncodingPrefix, rivetSubprotocol } from "./upgrades.ts";

/** Connections of clients of `rivetkit`. */
export const rivetWire: SocketWire = {
  subprotocol: rivetSubprotocol,
  open: ({ webSocket, request, onEnd }) => new RivetSocket(webSocket, encodingOf(request), onEnd),
  check: (request) => {
    const named = namedEncoding(request);
    if (named === undefined || named === "json" || named === "cbor" || named === "bare") return;
    const message = `The encoding "${named.slice(0, 20)}" is not served. Offer json, cbor or bare`;
    throw new HoldfastError("actor", "unsupported_websocket_encoding", message, { statusCode: 400 });
  },
};

function namedEncoding(request: IncomingMessage): string | undefined {
  const offered = protocolsOf(request).find((each) => each.startsWith(rivetEncodingPrefix));
  return offered?.slice(rivetEncodingPrefix.length);
}

function encodingOf(request: IncomingMessage): RivetEncoding {
  const named = namedEncoding(request);
  return named === "cbor" || named === "bare" ? named : "json";
}

/** An event is encoded once per encoding and version, for all sockets. */
const encodedEvents = new WeakMap<OutgoingEvent, Map<string, Uint8Array | string>>();

/** Bytes inside of JSON and of tagged values are base64. */
const inflation = 1.4;

/** One WebSocket. These clients resume nothing: a lost connection has ended, and events are not numbered. */
export class RivetSocket implements ConnectionSocket {
  /** Of the parameters, which the door has encoded. */
  readonly encoding = "cbor";
  readonly #webSocket: PeerSocket;
  readonly #wire: RivetEncoding;
  readonly #onEnd: () => void;
  #session: Session | undefined;
  /** In BARE, the version of the client, once it has sent a frame. */
  #version = firstVersion;
  /** Calls whose streamed results were refused: they have their answer. */
  readonly #refused = new Set<number>();
  readonly #pings: Pings;
  #closing = false;
  #ended = false;
  #resolveEnded: (() => void) | undefined;

  constructor(webSocket: PeerSocket, wire: RivetEncoding, onEnd: () => void) {
    this.#webSocket = webSocket;
    this.#wire = wire;
    this.#onEnd = onEnd;
    this.#pings = new Pings(webSocket);
    webSocket.pause();
    webSocket.on("close", () => this.#end());
    webSocket.on("closing", () => {
      if (!this.#closing) this.#session?.end();
    });
    // A close event follows every error.
    webSocket.on("error", () => undefined);
  }

  attach(session: Session, maxIncomingBytes: number): void {
    this.#session = session;
    if (this.#ended) {
      session.end();
      return;
    }
    const maxBytes = Math.ceil(maxIncomingBytes * inflation);
    this.#webSocket.on("message", (data, isBinary) => {
      this.#pings.isAlive = true;
      this.#message(session, data, isBinary, maxBytes);
    });
    this.#webSocket.resume();
  }

  init(actorId: string, connectionId: string): void {
    this.#send({ tag: "Init", actorId, connectionId });
  }

  result(id: number, value: Uint8Array): void {
    if (this.#refused.delete(id)) return;
    this.#send({ tag: "ActionResponse", id: BigInt(id), output: ownValue(value) });
  }

  error(id: number | undefined, error: WireError): void {
    if (id !== undefined && this.#refused.delete(id)) return;
    this.#send({ tag: "Error", error: clientError(error), actionId: id === undefined ? null : BigInt(id) });
  }

  event(event: OutgoingEvent): void {
    const form = `${this.#wire}${this.#version}`;
    let forms = encodedEvents.get(event);
    if (forms === undefined) {
      forms = new Map();
      encodedEvents.set(event, forms);
    }
    let data = forms.get(form);
    if (data === undefined) {
      const { name, args } = event;
      data = encodeFrame(this.#wire, this.#version, { tag: "Event", name, args: ownValue(args) });
      forms.set(form, data);
    }
    this.#write(data);
  }

  /** There is no frame for parts of a result: the call is refused, and cancelled. */
  stream(id: number): void {
    this.error(id, toWireError(streamUnsupported()));
    this.#refused.add(id);
    queueMicrotask(() => this.#session?.frame({ type: "cancel", id }));
  }

  chunk(): void {
    // Of a stream that was refused.
  }

  pong(): void {
    // These clients send no pings of their own.
  }

  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    // A paused socket would not receive the answer to the close.
    this.#webSocket.resume();
    this.#webSocket.close(code, closeReason(clientReason(reason)));
  }

  watch(tasks: Tasks, intervalMs: number, timeoutMs: number): void {
    if (this.#ended || intervalMs === 0 || timeoutMs === 0) return;
    this.#pings.start(tasks, intervalMs, timeoutMs);
  }

  shutDown(tasks: Tasks): Promise<void> {
    if (this.#ended) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolveEnded = resolve;
    this.close(1001, "gateway.shutting_down");
    const timer = tasks.after(serverLimits.closeGraceMs, () => this.#webSocket.terminate());
    return promise.then(() => timer.cancel());
  }

  #message(session: Session, data: RawData, isBinary: boolean, maxBytes: number): void {
    // With `nodebuffer`, the default of a server's socket, each message is one Buffer.
    const bytes = data as Buffer;
    try {
      if (bytes.length > maxBytes) {
        const message = `The message is longer than ${maxBytes} bytes`;
        throw new HoldfastError("message", "incoming_too_long", message);
      }
      const { version, value: frame } = decodeFrame(this.#wire, bytes, isBinary);
      this.#version = version;
      if (frame.tag === "SubscriptionRequest") {
        const type = frame.subscribe ? "subscribe" : "unsubscribe";
        session.frame({ type, event: frame.eventName });
        return;
      }
      const { name, args: given } = frame;
      const args = given ?? [];
      const list: readonly unknown[] = Array.isArray(args) ? args : [args];
      session.frame({ type: "call", id: callId(frame.id), name, args: list, idempotencyKey: randomUUID() });
    } catch (error) {
      session.fail(error);
    }
  }

  #send(message: ServerMessage): void {
    this.#write(encodeFrame(this.#wire, this.#version, message));
  }

  #write(data: Uint8Array | string): void {
    const webSocket = this.#webSocket;
    if (this.#closing || webSocket.readyState !== webSocket.OPEN) return;
    webSocket.send(data);
    if (webSocket.bufferedAmount <= serverLimits.maxSendBufferBytes) return;
    this.#closing = true;
    webSocket.close(1013, "conn.too_slow");
    this.#session?.end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closing = true;
    this.#pings.stop();
    this.#onEnd();
    this.#session?.end();
    this.#resolveEnded?.();
  }
}

function callId(id: bigint): number {
  const number = Number(id);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new HoldfastError(
    "message",
    "malformed_frame",
    "The message is malformed: the number of a call is too large",
  );
}
