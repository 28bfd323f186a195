import { closeReason } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import type { RawSession, RawWire } from "@holdfast/server/embedded";
import { durableObjectLimits } from "../limits.ts";
import type { WorkerSocket } from "../platform.ts";

/** One raw WebSocket, whose messages belong to user code. It keeps the object in memory, but not the actor. */
export class RawPeer implements RawWire {
  readonly bufferedAmount = 0;
  readonly #socket: WorkerSocket;
  readonly #gone = new AbortController();
  #session: RawSession | undefined;
  /** Messages that wait while the actor is being woken. */
  #unread: (string | Uint8Array)[] = [];
  #unreadBytes = 0;
  #isPaused = true;
  #ended: { readonly code: number; readonly reason: string; readonly wasClean: boolean } | undefined;

  constructor(socket: WorkerSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.accept();
    socket.addEventListener("message", ({ data }) => {
      this.#message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    });
    socket.addEventListener("close", ({ code = 1006, reason = "", wasClean = false }) => {
      this.#end(code, reason, wasClean);
    });
    socket.addEventListener("error", () => this.#end(1006, "", false));
  }

  /** Aborts when the client disconnects. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  attach(session: RawSession): void {
    this.#session = session;
    if (this.#ended !== undefined) session.closed(this.#ended.code, this.#ended.reason, this.#ended.wasClean);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const unread = this.#unread.splice(0);
    this.#unreadBytes = 0;
    for (const data of unread) this.#message(data);
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#ended === undefined) this.#socket.send(data);
  }

  close(code: number | undefined, reason: string): void {
    if (this.#ended !== undefined) return;
    this.#socket.close(code ?? 1000, closeReason(reason));
    this.#end(code ?? 1005, reason, true);
  }

  #message(data: string | Uint8Array): void {
    if (!this.#isPaused) {
      this.#session?.received(data);
      return;
    }
    this.#unread.push(data);
    this.#unreadBytes += data.length;
    if (this.#unreadBytes > durableObjectLimits.maxUnreadBytes) this.close(1013, "conn.too_slow");
  }

  #end(code: number, reason: string, wasClean: boolean): void {
    if (this.#ended !== undefined) return;
    this.#ended = { code, reason, wasClean };
    this.#gone.abort(new HoldfastError("conn", "closed", "The client has disconnected"));
    this.#session?.closed(code, reason, wasClean);
  }
}
