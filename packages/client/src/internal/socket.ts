import { HoldfastError } from "@holdfast/core";
import type { ClosedReason, DriverConnection, DriverListener, Liveness, PreparedFrame } from "../driver.ts";
import { clientLimits } from "../limits.ts";
import { decodeServerMessage, type Encoding, joinFrames, prepareClientFrame } from "../network/wire.ts";

/** Part of the standard WebSocket class that the client uses. */
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

/** One WebSocket. Frames sent in one turn of the event loop leave as one message. */
class SocketConnection implements DriverConnection {
  readonly #socket: WebSocket;
  readonly #encoding: Encoding;
  readonly #maxBytes: number;
  readonly #listener: DriverListener;
  #outgoing: PreparedFrame[] = [];
  #isClosed = false;
  #receivedSincePing = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Defaults, until the server sends its own. */
  #liveness: Liveness = { intervalMs: clientLimits.heartbeatMs, timeoutMs: clientLimits.heartbeatMs };

  constructor(options: SocketOptions) {
    const { Socket, url, protocols, encoding, maxBytes, listener } = options;
    this.#maxBytes = maxBytes;
    this.#encoding = encoding;
    this.#listener = listener;
    this.#socket = new Socket(url, [...protocols]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = (event) => this.#message(event.data);
    this.#socket.onclose = (event) => this.#reportClosed(event.code, event.reason);
    // The close event that follows carries all information there is.
    this.#socket.onerror = () => undefined;
    this.#startHeartbeat();
  }

  send(frame: PreparedFrame): void {
    if (this.#outgoing.push(frame) === 1) queueMicrotask(() => this.#flush());
  }

  close(): Promise<void> | void {
    if (this.#isClosed) return;
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

  lose(): void {
    this.#stop();
    this.#socket.close(4001, "conn.lost");
  }

  #flush(): void {
    const frames = this.#outgoing;
    if (frames.length === 0) return;
    this.#outgoing = [];
    if (this.#socket.readyState !== 1) return;
    let batch: PreparedFrame[] = [];
    // The head of the surrounding array takes up to five bytes.
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
    // Safe cast: joined bytes never use a SharedArrayBuffer.
    this.#socket.send(joinFrames(batch) as Uint8Array<ArrayBuffer> | string);
  }

  #message(data: unknown): void {
    if (this.#isClosed) return;
    this.#receivedSincePing = true;
    try {
      const message = typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer);
      for (const frame of decodeServerMessage(this.#encoding, message)) {
        if (frame.type === "init" && frame.liveness !== undefined) this.#setLiveness(frame.liveness);
        this.#listener.frame(frame);
      }
    } catch (cause) {
      if (!(cause instanceof HoldfastError)) throw cause;
      this.#socket.close(4000, "message.malformed_frame");
      this.#reportClosed(4000, "message.malformed_frame");
    }
  }

  /** Heartbeat: detects a dead peer with a ping frame, since browsers cannot send WebSocket pings. */
  #startHeartbeat(): void {
    this.#schedule(this.#liveness.intervalMs, () => {
      this.#receivedSincePing = false;
      this.send(prepareClientFrame(this.#encoding, { type: "ping", ...this.#receivedCount() }));
      this.#schedule(this.#liveness.timeoutMs, () => {
        // One more turn first: this side may have been too busy to read what has arrived.
        this.#schedule(0, () => (this.#receivedSincePing ? this.#startHeartbeat() : this.#timeOut()));
      });
    });
  }

  /** Adopts the heartbeat interval of the actor's options. */
  #setLiveness(liveness: Liveness): void {
    this.#liveness = liveness;
    this.#startHeartbeat();
  }

  #schedule(ms: number, next: () => void): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(next, Math.min(ms, clientLimits.maxDelayMs));
    // The socket keeps the process alive; its heartbeat need not.
    unref(this.#timer);
  }

  #timeOut(): void {
    this.#socket.close(4001, "conn.timed_out");
    this.#reportClosed(1006, "");
  }

  #receivedCount(): { readonly received?: number } {
    const received = this.#listener.received?.() ?? 0;
    return received === 0 ? {} : { received };
  }

  #reportClosed(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#stop();
    this.#listener.closed(closedReason(code, reason));
  }

  #stop(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}

/** Maps a close code and reason to an error. The reason is `group.code` when the server sent an error. */
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
