import { HoldfastError } from "@holdfast/core";
import type { ClosedReason, DriverConnection, DriverListener, Liveness, PreparedFrame } from "../driver.ts";
import { clientLimits } from "../limits.ts";
import { decodeServerMessage, type Encoding, joinFrames, prepareClientFrame } from "../network/wire.ts";

/** The part of a standard WebSocket class that is used. */
export interface SocketConstructor {
  new (url: string, protocols?: string | string[]): WebSocket;
}

export interface SocketOptions {
  readonly Socket: SocketConstructor;
  readonly url: string;
  readonly protocols: readonly string[];
  readonly encoding: Encoding;
  readonly maxBytes: number;
  readonly listener: DriverListener;
}

export function openSocket(options: SocketOptions): DriverConnection {
  return new SocketConnection(options);
}

/** One WebSocket. What is sent in one turn of the event loop leaves as one message. */
class SocketConnection implements DriverConnection {
  readonly #socket: WebSocket;
  readonly #encoding: Encoding;
  readonly #maxBytes: number;
  readonly #listener: DriverListener;
  #outgoing: PreparedFrame[] = [];
  #done = false;
  #heardSince = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Until the server has told its own. */
  #liveness: Liveness = { intervalMs: clientLimits.heartbeatMs, timeoutMs: clientLimits.heartbeatMs };

  constructor(options: SocketOptions) {
    const { Socket, url, protocols, encoding, maxBytes, listener } = options;
    this.#maxBytes = maxBytes;
    this.#encoding = encoding;
    this.#listener = listener;
    this.#socket = new Socket(url, [...protocols]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = (event) => this.#message(event.data);
    this.#socket.onclose = (event) => this.#finish(event.code, event.reason);
    // The close event that follows says all that can be known.
    this.#socket.onerror = () => undefined;
    this.#watch();
  }

  send(frame: PreparedFrame): void {
    if (this.#outgoing.push(frame) === 1) queueMicrotask(() => this.#flush());
  }

  close(): Promise<void> | void {
    if (this.#done) return;
    this.#flush();
    this.#stop();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, clientLimits.closeWaitMs);
      unref(timer);
      this.#socket.onclose = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#socket.close(1000, "conn.disposed");
    });
  }

  #flush(): void {
    const frames = this.#outgoing;
    if (frames.length === 0) return;
    this.#outgoing = [];
    if (this.#socket.readyState !== 1) return;
    let batch: PreparedFrame[] = [];
    // The head of the array around them takes up to five bytes.
    let size = 5;
    for (const frame of frames) {
      if (batch.length > 0 && size + frame.size > this.#maxBytes) {
        this.#write(batch);
        batch = [];
        size = 5;
      }
      batch.push(frame);
      size += frame.size;
    }
    this.#write(batch);
  }

  #write(batch: readonly PreparedFrame[]): void {
    // Joined bytes never sit on a shared buffer.
    this.#socket.send(joinFrames(batch) as Uint8Array<ArrayBuffer> | string);
  }

  #message(data: unknown): void {
    if (this.#done) return;
    this.#heardSince = true;
    try {
      const message = typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer);
      for (const frame of decodeServerMessage(this.#encoding, message)) {
        if (frame.type === "init" && frame.liveness !== undefined) this.#agree(frame.liveness);
        this.#listener.frame(frame);
      }
    } catch (cause) {
      if (!(cause instanceof HoldfastError)) throw cause;
      this.#socket.close(4000, "message.malformed_frame");
      this.#finish(4000, "message.malformed_frame");
    }
  }

  /** A browser cannot send WebSocket pings, so that a dead peer is noticed by a frame of our own. */
  #watch(): void {
    this.#wait(this.#liveness.intervalMs, () => {
      this.#heardSince = false;
      this.send(prepareClientFrame(this.#encoding, { type: "ping", ...this.#received() }));
      this.#wait(this.#liveness.timeoutMs, () => {
        // What has arrived meanwhile is read first: this side may have been busy itself.
        this.#wait(0, () => (this.#heardSince ? this.#watch() : this.#giveUp()));
      });
    });
  }

  /** Both sides ask as often: that is an option of the actor. */
  #agree(liveness: Liveness): void {
    this.#liveness = liveness;
    this.#watch();
  }

  #wait(ms: number, next: () => void): void {
    clearTimeout(this.#timer);
    if (this.#done) return;
    this.#timer = setTimeout(next, Math.min(ms, clientLimits.maxDelayMs));
    // A socket holds the process by itself; its heartbeat need not.
    unref(this.#timer);
  }

  #giveUp(): void {
    this.#socket.close(4001, "conn.timed_out");
    this.#finish(1006, "");
  }

  #received(): { readonly received?: number } {
    const received = this.#listener.received?.() ?? 0;
    return received === 0 ? {} : { received };
  }

  #finish(code: number, reason: string): void {
    if (this.#done) return;
    this.#stop();
    this.#listener.closed(closedReason(code, reason));
  }

  #stop(): void {
    this.#done = true;
    clearTimeout(this.#timer);
  }
}

/** What a close says. The reason is `group.code` when the server had one. */
export function closedReason(code: number, reason: string): ClosedReason {
  const parts = /^([a-z_]+)\.([a-z0-9_]+)$/.exec(reason);
  const message = `The connection was closed (${code}${reason === "" ? "" : `, ${reason}`})`;
  const error =
    parts === null
      ? { group: "client", code: code === 1000 ? "closed" : "network_error", message }
      : { group: parts[1] ?? "", code: parts[2] ?? "", message };
  return {
    error,
    final: code === 1000 || code === 1008,
    byActor: code === 1000 && reason !== "actor.destroyed",
  };
}

function unref(timer: unknown): void {
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function") {
    timer.unref();
  }
}
