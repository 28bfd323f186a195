import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { OutgoingEvent } from "@holdfast/actors";
import {
  closeReason,
  decodeClientMessage,
  type Encoding,
  encodingPrefix,
  type Liveness,
  type PreparedFrame,
  prepareChunk,
  prepareEvent,
  prepareResult,
  prepareServerFrame,
  protocolVersion,
  type ResumeInfo,
  subprotocol,
} from "@holdfast/client";
import { HoldfastError, type Tasks, type WireError } from "@holdfast/core";
import type { RawData, WebSocket } from "ws";
import { serverLimits } from "../../limits.ts";
import type { Session } from "../../sessions/session.ts";
import type { ConnectionSocket, SocketWire } from "./connection-socket.ts";
import { protocolsOf } from "./offered.ts";
import { Outbox } from "./outbox.ts";
import { Pings } from "./pings.ts";

/** An event is encoded once per encoding, for all sockets. */
const encodedEvents = new WeakMap<OutgoingEvent, Map<Encoding, PreparedFrame>>();

const outbox = new Outbox();

/** Connections of our own clients. */
export const ownWire: SocketWire = {
  subprotocol,
  open: ({ webSocket, carrier, request, onEnd }) =>
    new Socket(webSocket, carrier, encodingOf(request), onEnd),
};

function encodingOf(request: IncomingMessage): Encoding {
  return protocolsOf(request).includes(`${encodingPrefix}json`) ? "json" : "cbor";
}

/**
 * One WebSocket. Its output of one turn of the event loop is one message. Nothing is read before it has a session:
 * early messages of the client wait until it is accepted.
 */
export class Socket implements ConnectionSocket {
  readonly encoding: Encoding;
  readonly #webSocket: WebSocket;
  /** The transport, which writes complete frames only: ours may go between them. */
  readonly #carrier: Duplex;
  readonly #onEnd: () => void;
  #session: Session | undefined;
  #outgoing: PreparedFrame[] | undefined;
  readonly #pings: Pings;
  #dropsEvents = false;
  #liveness: Liveness | undefined;
  /** Number of the last dropped event. */
  #dropped: number | undefined;
  #closing = false;
  #ended = false;
  #resolveEnded: (() => void) | undefined;

  constructor(webSocket: WebSocket, carrier: Duplex, encoding: Encoding, onEnd: () => void) {
    this.encoding = encoding;
    this.#webSocket = webSocket;
    this.#carrier = carrier;
    this.#onEnd = onEnd;
    this.#pings = new Pings(webSocket);
    webSocket.pause();
    webSocket.on("close", (code) => this.#end(code === 1000 || code === 1001));
    webSocket.on("closing", (code: unknown) => {
      if (code === 1000 && !this.#closing) this.#session?.end();
    });
    // A close event follows every error.
    webSocket.on("error", () => undefined);
  }

  attach(session: Session, maxIncomingBytes: number, dropsEvents: boolean): void {
    this.#session = session;
    if (this.#ended) {
      session.end();
      return;
    }
    this.#dropsEvents = dropsEvents;
    this.#webSocket.on("message", (data, isBinary) => {
      this.#pings.isAlive = true;
      this.#message(session, data, isBinary, maxIncomingBytes);
    });
    this.#webSocket.resume();
  }

  init(actorId: string, connId: string, resume: ResumeInfo): void {
    const version = protocolVersion;
    const liveness = this.#liveness;
    this.#push(
      prepareServerFrame(this.encoding, {
        type: "init",
        version,
        actorId,
        connId,
        resume,
        ...(liveness === undefined ? {} : { liveness }),
      }),
    );
  }

  result(id: number, value: Uint8Array): void {
    this.#push(prepareResult(this.encoding, id, value));
  }

  error(id: number | undefined, error: WireError): void {
    this.#push(prepareServerFrame(this.encoding, { type: "error", id, error }));
  }

  stream(id: number): void {
    this.#push(prepareServerFrame(this.encoding, { type: "stream", id }));
  }

  chunk(id: number, value: Uint8Array): void {
    this.#push(prepareChunk(this.encoding, id, value));
  }

  event(event: OutgoingEvent, number: number): void {
    if (this.#isDropping(number)) return;
    let byEncoding = encodedEvents.get(event);
    if (byEncoding === undefined) {
      byEncoding = new Map();
      encodedEvents.set(event, byEncoding);
    }
    let frame = byEncoding.get(this.encoding);
    if (frame === undefined) {
      frame = prepareEvent(this.encoding, event.name, event.args);
      byEncoding.set(this.encoding, frame);
    }
    this.#push(frame);
  }

  pong(): void {
    this.#push(prepareServerFrame(this.encoding, { type: "pong" }));
  }

  close(code: number, reason: string): void {
    if (this.#closing) return;
    this.flush();
    this.#closing = true;
    // A paused socket would not receive the answer to the close.
    this.#webSocket.resume();
    this.#webSocket.close(code, closeReason(reason));
  }

  watch(tasks: Tasks, intervalMs: number, timeoutMs: number): void {
    if (this.#ended || intervalMs === 0 || timeoutMs === 0) return;
    this.#liveness = { intervalMs: Math.ceil(intervalMs), timeoutMs: Math.ceil(timeoutMs) };
    this.#pings.start(tasks, intervalMs, timeoutMs);
  }

  shutDown(tasks: Tasks): Promise<void> {
    if (this.#ended) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolveEnded = resolve;
    this.close(1001, "gateway.shutting_down");
    const timer = tasks.after(serverLimits.closeGraceMs, () => {
      this.#webSocket.terminate();
    });
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
      if (isBinary !== (this.encoding === "cbor")) {
        const message = `A message in ${this.encoding} is ${isBinary ? "text" : "binary"}`;
        throw new HoldfastError("message", "malformed_frame", message);
      }
      for (const frame of decodeClientMessage(this.encoding, bytes)) session.frame(frame);
    } catch (error) {
      session.fail(error);
    }
  }

  /** True while events are dropped because the peer reads too slowly. */
  #isDropping(number: number): boolean {
    if (!this.#dropsEvents) return false;
    const isSlow = this.#webSocket.bufferedAmount > serverLimits.maxSendBufferBytes / 2;
    if (!isSlow && this.#dropped === undefined) return false;
    // Until all has been read, even below the limit: the peer counts on from the last dropped event.
    this.#dropped = number;
    return true;
  }

  /** The peer reads again: reports what it has missed. */
  #drained(): void {
    const received = this.#dropped;
    if (received === undefined || this.#webSocket.bufferedAmount > 0) return;
    this.#dropped = undefined;
    this.#push(prepareServerFrame(this.encoding, { type: "gap", received }));
  }

  #push(frame: PreparedFrame): void {
    if (this.#outgoing !== undefined) this.#outgoing.push(frame);
    else {
      // An array literal with one element: most turns have only one frame.
      this.#outgoing = [frame];
      outbox.add(this);
    }
  }

  /** Sends the collected frames. */
  flush(): void {
    const frames = this.#outgoing;
    if (frames === undefined) return;
    this.#outgoing = undefined;
    if (this.#closing || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    const { message, wire } = outbox.join(frames);
    const sent = this.#dropsEvents ? (): void => this.#drained() : undefined;
    // While the transport has room, far less is waiting than the limit.
    if (wire !== undefined && this.#carrier.write(wire, sent)) return;
    if (wire === undefined) this.#webSocket.send(message, sent);
    if (this.#webSocket.bufferedAmount > serverLimits.maxSendBufferBytes) this.#dropSlowReader();
  }

  #dropSlowReader(): void {
    this.#closing = true;
    this.#webSocket.close(1013, "conn.too_slow");
    this.#session?.lose();
  }

  #end(onPurpose: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closing = true;
    this.#pings.stop();
    this.#onEnd();
    if (onPurpose) this.#session?.end();
    else this.#session?.lose();
    this.#resolveEnded?.();
  }
}
