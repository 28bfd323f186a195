/** Viewers that follow the log of one session, and watchers that follow all sessions. */
import type { ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import type { SandboxLimits } from "../../limits.ts";
import type { EndReason } from "../end-listeners.ts";
import type { Session } from "../session.ts";
import { entryText, type LogEntry } from "../types.ts";

/** The connection of a viewer, with back-pressure. */
export interface ViewerConnection {
  /** Sends a log entry as JSON text. False when the buffer is full: send nothing more until {@link ViewerConnection.onDrain}. */
  event(sequence: number, text: string): boolean;
  gap(from: number, to: number): void;
  end(reason: EndReason): void;
  onDrain(listener: () => void): void;
  onClose(listener: () => void): void;
  /** Closes a connection that has stalled. */
  destroy(): void;
}

const pageSize = 200;

/**
 * One viewer of a session's log. It has no queue and reads the log at the pace of its connection, so that a slow
 * viewer delays no other. A connection that stalls for `readerStallMs` is closed; the client can resume.
 */
export class Viewer {
  readonly #session: Session;
  readonly #connection: ViewerConnection;
  readonly #limits: SandboxLimits;
  readonly #release: (() => void)[] = [];
  #next: number;
  #isBlocked = false;
  #isClosed = false;
  #stall: NodeJS.Timeout | undefined;

  /** `after` is the last sequence that the viewer received; 0 replays the log. */
  constructor(session: Session, sink: ViewerConnection, after: number, limits: SandboxLimits) {
    this.#session = session;
    this.#connection = sink;
    this.#limits = limits;
    // A sequence beyond the end belongs to another log. Such a viewer gets new entries only.
    this.#next = Math.min(after, session.log.lastSequence) + 1;
  }

  start(): void {
    const { log } = this.#session;
    this.#release.push(
      log.listen((entry) => this.#onEntry(entry)),
      this.#session.endListeners.listen((reason) => log.afterVisible(() => this.#end(reason))),
    );
    this.#connection.onDrain(() => this.#drained());
    this.#connection.onClose(() => this.#close());
    this.#catchUp();
  }

  #end(reason: EndReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.end(reason);
  }

  #onEntry(entry: LogEntry): void {
    if (this.#isBlocked || this.#isClosed || entry.sequence !== this.#next) return;
    this.#send(entry);
  }

  #catchUp(): void {
    const { log } = this.#session;
    while (!this.#isBlocked && !this.#isClosed && this.#next <= log.visibleSequence) {
      const last = log.visibleSequence;
      const page = log.read(this.#next - 1, pageSize).filter(({ sequence }) => sequence <= last);
      const first = page[0]?.sequence ?? last + 1;
      if (first > this.#next) {
        this.#connection.gap(this.#next, first - 1);
        this.#next = first;
      }
      for (const entry of page) {
        if (this.#isBlocked || this.#isClosed) return;
        this.#send(entry);
      }
    }
  }

  #send(entry: LogEntry): void {
    this.#next = entry.sequence + 1;
    if (this.#connection.event(entry.sequence, entryText(this.#session.id, entry))) return;
    this.#isBlocked = true;
    this.#stall = setTimeout(() => this.#connection.destroy(), this.#limits.readerStallMs);
    this.#stall.unref();
  }

  #drained(): void {
    if (!this.#isBlocked) return;
    clearTimeout(this.#stall);
    this.#isBlocked = false;
    this.#catchUp();
  }

  #close(): void {
    this.#isClosed = true;
    clearTimeout(this.#stall);
    for (const release of this.#release) release();
  }
}

/** A viewer over server-sent events. The response head must already be sent. */
export class EventStreamConnection implements ViewerConnection {
  readonly #response: ServerResponse;
  #isFull = false;

  constructor(response: ServerResponse, heartbeatMs: number) {
    this.#response = response;
    const beat = setInterval(() => {
      if (!this.#isFull) response.write(": heartbeat\n\n");
    }, heartbeatMs);
    response.once("close", () => clearInterval(beat));
    response.on("drain", () => {
      this.#isFull = false;
    });
  }

  event(sequence: number, text: string): boolean {
    // A payload may contain line breaks between JSON tokens. In an event stream each one starts a new data line.
    const data = /[\r\n]/.test(text) ? text.replaceAll(/\r\n|\r|\n/g, "\ndata: ") : text;
    this.#isFull = !this.#response.write(`event: message\nid: ${sequence}\ndata: ${data}\n\n`);
    return !this.#isFull;
  }

  gap(from: number, to: number): void {
    this.#response.write(`event: gap\nid: ${to}\ndata: ${JSON.stringify({ from, to })}\n\n`);
  }

  end(reason: EndReason): void {
    this.#response.end(`event: end\ndata: ${JSON.stringify({ reason })}\n\n`);
  }

  onDrain(listener: () => void): void {
    this.#response.on("drain", listener);
  }

  onClose(listener: () => void): void {
    this.#response.once("close", listener);
  }

  destroy(): void {
    this.#response.destroy();
  }
}

/** Maximum number of bytes that a WebSocket buffers before its viewer pauses. */
const maxBufferedBytes = 1_048_576;

/** A viewer over WebSocket: one JSON text frame for each item. */
export class WebSocketConnection implements ViewerConnection {
  readonly #socket: WebSocket;
  readonly #listeners: (() => void)[] = [];

  constructor(socket: WebSocket, heartbeatMs: number) {
    this.#socket = socket;
    const beat = setInterval(() => socket.ping(), heartbeatMs);
    socket.once("close", () => clearInterval(beat));
  }

  event(_sequence: number, text: string): boolean {
    this.#socket.send(`{"type":"event","event":${text}}`, () => {
      if (this.#socket.bufferedAmount > maxBufferedBytes / 2) return;
      for (const listener of this.#listeners) listener();
    });
    return this.#socket.bufferedAmount <= maxBufferedBytes;
  }

  gap(from: number, to: number): void {
    this.#socket.send(JSON.stringify({ type: "gap", from, to }));
  }

  end(reason: EndReason): void {
    this.#socket.send(JSON.stringify({ type: "end", reason }));
    this.#socket.close(1000, `session.${reason}`);
  }

  onDrain(listener: () => void): void {
    this.#listeners.push(listener);
  }

  onClose(listener: () => void): void {
    this.#socket.once("close", listener);
  }

  destroy(): void {
    this.#socket.terminate();
  }
}
