import type { Duplex } from "node:stream";
import type { OutgoingEvent } from "@holdfast/actors";
import {
  closeReason,
  decodeClientMessage,
  type Encoding,
  type Liveness,
  type PreparedFrame,
  prepareChunk,
  prepareEvent,
  prepareResult,
  prepareServerFrame,
  protocolVersion,
  type ResumeInfo,
} from "@holdfast/client";
import { HoldfastError, type Tasks, type Timer, type WireError } from "@holdfast/core";
import { type RawData, WebSocket } from "ws";
import { serverLimits } from "../../limits.ts";
import type { Session, SessionOutput } from "../../sessions/session.ts";
import type { Gateway } from "../gateway.ts";
import { Outbox } from "./outbox.ts";

/** An event is encoded once for each encoding, however many sockets get it. */
const encodedEvents = new WeakMap<OutgoingEvent, Map<Encoding, PreparedFrame>>();

const outbox = new Outbox();

/**
 * Says `closing` when a side begins to close it: whoever waits for the answer to its own close finds that
 * the actor knows, which the end of the carrier would tell some time after.
 */
export class PeerSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    const isOpen = this.readyState === WebSocket.OPEN;
    super.close(code, reason);
    if (isOpen) this.emit("closing", code);
  }
}

/**
 * One WebSocket. What it gets in one turn of the event loop is one message. Nothing is read from it before it
 * has a session: what its client sends at once waits until the client is let in.
 */
export class Socket implements SessionOutput {
  readonly encoding: Encoding;
  readonly #webSocket: WebSocket;
  /** What carries the WebSocket, which writes whole frames only: ours may go between them. */
  readonly #carrier: Duplex;
  readonly #onEnd: () => void;
  #session: Session | undefined;
  #outgoing: PreparedFrame[] | undefined;
  #alive = true;
  #timer: Timer | undefined;
  #dropsEvents = false;
  #liveness: Liveness | undefined;
  /** The number of the last event that was left out. */
  #dropped: number | undefined;
  #closing = false;
  #ended = false;
  #resolveEnded: (() => void) | undefined;

  constructor(webSocket: WebSocket, carrier: Duplex, encoding: Encoding, onEnd: () => void) {
    this.encoding = encoding;
    this.#webSocket = webSocket;
    this.#carrier = carrier;
    this.#onEnd = onEnd;
    webSocket.pause();
    webSocket.on("close", (code) => this.#end(code === 1000 || code === 1001));
    webSocket.on("closing", (code: unknown) => {
      if (code === 1000 && !this.#closing) this.#session?.end();
    });
    // A close event follows every error.
    webSocket.on("error", () => undefined);
    webSocket.on("pong", () => {
      this.#alive = true;
    });
  }

  /** `dropsEvents`: a peer that reads too slowly misses events, and is not closed for them alone. */
  attach(session: Session, maxIncomingBytes: number, dropsEvents: boolean): void {
    this.#session = session;
    if (this.#ended) {
      session.end();
      return;
    }
    this.#dropsEvents = dropsEvents;
    this.#webSocket.on("message", (data, isBinary) => {
      this.#alive = true;
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
    // A paused socket would not see the other side's answer.
    this.#webSocket.resume();
    this.#webSocket.close(code, closeReason(reason));
  }

  /**
   * Asks the peer for a sign of life every `intervalMs`, and drops it when there is none within
   * `timeoutMs`. Zero for either is for no such questions.
   */
  watch(tasks: Tasks, intervalMs: number, timeoutMs: number): void {
    if (this.#ended || intervalMs === 0 || timeoutMs === 0) return;
    this.#liveness ??= { intervalMs: Math.ceil(intervalMs), timeoutMs: Math.ceil(timeoutMs) };
    this.#timer = tasks.after(intervalMs, () => {
      this.#alive = false;
      this.#webSocket.ping();
      this.#timer = tasks.after(timeoutMs, () => {
        // What has arrived meanwhile is read first: this process may have been busy itself.
        tasks.macrotask(() => {
          if (this.#alive) this.watch(tasks, intervalMs, timeoutMs);
          else this.#webSocket.terminate();
        });
      });
    });
  }

  /** Says goodbye so that the client comes back later; resolves when the socket is gone. */
  shutDown(gateway: Gateway): Promise<void> {
    if (this.#ended) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolveEnded = resolve;
    this.close(1001, "gateway.shutting_down");
    const timer = gateway.directory.ports.tasks.after(serverLimits.closeGraceMs, () => {
      this.#webSocket.terminate();
    });
    return promise.then(() => timer.cancel());
  }

  #message(session: Session, data: RawData, isBinary: boolean, maxBytes: number): void {
    // `nodebuffer`, the type of a server's socket, gives one Buffer for each message.
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

  /** True while events are left out because the peer reads too slowly. */
  #isDropping(number: number): boolean {
    if (!this.#dropsEvents) return false;
    const isSlow = this.#webSocket.bufferedAmount > serverLimits.maxSendBufferBytes / 2;
    if (!isSlow && this.#dropped === undefined) return false;
    // Until all has been read, also below the bound: the peer counts on from the last one that is left out.
    this.#dropped = number;
    return true;
  }

  /** The peer reads again: it is told what it has not got. */
  #drained(): void {
    const received = this.#dropped;
    if (received === undefined || this.#webSocket.bufferedAmount > 0) return;
    this.#dropped = undefined;
    this.#push(prepareServerFrame(this.encoding, { type: "gap", received }));
  }

  #push(frame: PreparedFrame): void {
    if (this.#outgoing !== undefined) this.#outgoing.push(frame);
    else {
      // A list of one as a literal has room for one only: most turns have nothing more to say.
      this.#outgoing = [frame];
      outbox.add(this);
    }
  }

  /** Sends what has been gathered. */
  flush(): void {
    const frames = this.#outgoing;
    if (frames === undefined) return;
    this.#outgoing = undefined;
    if (this.#closing || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    const { message, wire } = outbox.join(frames);
    const sent = this.#dropsEvents ? (): void => this.#drained() : undefined;
    // Where the carrier has room, far less waits than a reader may leave.
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
    this.#timer?.cancel();
    this.#onEnd();
    if (onPurpose) this.#session?.end();
    else this.#session?.lose();
    this.#resolveEnded?.();
  }
}
