import { BufferedWebSocket, type RawTransport } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import type { RawSocketCall, RawSocketHost } from "../instance.ts";
import { actorLimits } from "../limits.ts";
import { HostConnection } from "./connection.ts";
import { isThenable } from "./hooks.ts";
import { RawContext } from "./raw-context.ts";
import type { Runtime } from "./runtime.ts";

/** One raw WebSocket of an actor: its events reach user code, what user code sends goes through the gate. */
export class RawSocket implements RawSocketHost, RawTransport {
  readonly #runtime: Runtime;
  readonly #call: RawSocketCall;
  readonly #socket: BufferedWebSocket;
  readonly #abort = new AbortController();
  #connection: HostConnection | undefined;
  /** Bytes that wait behind the gate. */
  #waiting = 0;

  constructor(runtime: Runtime, call: RawSocketCall) {
    this.#runtime = runtime;
    this.#call = call;
    this.#socket = new BufferedWebSocket({
      url: call.request.url,
      run: (listener) => this.#enter(listener),
    });
  }

  /** Resolves when `onWebSocket` has been called; it may still run. Rejects when a hook refused. */
  async open(): Promise<RawSocketHost> {
    const runtime = this.#runtime;
    const { request, params, auth, signal, protocol } = this.#call;
    const origin = { params, request, signal, ...(auth === undefined ? {} : { auth }) };
    const connection = await runtime.connections.connect(origin, {
      send: () => undefined,
      close: (code, reason) => this.#end(code, reason),
    });
    if (!(connection instanceof HostConnection)) throw new TypeError("not a connection of this runtime");
    this.#connection = connection;
    runtime.abortSignal.addEventListener("abort", this.#stop);
    this.#socket.onOpened(this, protocol);
    const c = new RawContext(runtime, request, connection.connection, this.#abort.signal);
    runtime.activity.begin();
    runtime
      .hook("onWebSocket", [c, this.#socket, { request }])
      .catch((error: unknown) => this.#fail(error))
      .finally(() => runtime.activity.end());
    return this;
  }

  // The host's side

  received(data: string | Uint8Array): void {
    this.#socket.onReceived(data);
  }

  /** The socket is gone. Idempotent. */
  closed(code: number, reason: string, wasClean: boolean): void {
    if (this.#socket.readyState === 3) return;
    this.#abort.abort(new HoldfastError("conn", "closed", "The WebSocket was closed"));
    this.#socket.onClosed(code, reason, wasClean);
    this.#leave();
  }

  // The transport of the socket that user code holds

  get bufferedAmount(): number {
    return this.#waiting + this.#call.transport.bufferedAmount;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    const size = typeof data === "string" ? byteLength(data) : data.length;
    if (size > actorLimits.maxRawMessageBytes) {
      this.#close(1011, "message.outgoing_too_long");
      return;
    }
    this.#waiting += size;
    this.#runtime.queue.after({
      release: () => {
        this.#waiting -= size;
        this.#call.transport.send(data);
      },
      drop: () => {
        this.#waiting -= size;
      },
      undoable: true,
    });
  }

  close(code: number | undefined, reason: string): void {
    this.#runtime.queue.after({
      release: () => this.#call.transport.close(code, reason),
      drop: () => this.#call.transport.close(1011, "actor.failed"),
    });
  }

  #enter(listener: () => unknown): void {
    const runtime = this.#runtime;
    if (runtime.status === "stopped") return;
    try {
      const result = runtime.enter(listener);
      if (isThenable(result)) {
        runtime.keepAwake(result);
        result.then(
          () => runtime.queue.close(),
          (error: unknown) => this.#fail(error),
        );
      } else runtime.queue.close();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const shown = this.#runtime.errors.sanitize(error);
    this.#close(1011, `${shown.group}.${shown.code}`);
  }

  #close(code: number, reason: string): void {
    this.#socket.close(code, reason.slice(0, 120));
  }

  /** The actor ends the connection: `conn.disconnect()`, a sleep, a destruction, a failure. */
  #end(code: number, reason: string): void {
    const shown = reason.slice(0, 120);
    this.#call.transport.close(code, shown);
    this.#abort.abort(new HoldfastError("conn", "closed", `The actor closed the WebSocket: ${shown}`));
    this.#runtime.abortSignal.removeEventListener("abort", this.#stop);
    this.#socket.onClosed(code, shown, true);
  }

  #leave(): void {
    this.#runtime.abortSignal.removeEventListener("abort", this.#stop);
    this.#connection?.close();
  }

  /** Bound: the actor begins to stop. */
  readonly #stop = (): void => this.#abort.abort(this.#runtime.abortSignal.reason);
}

const encoder = new TextEncoder();

function byteLength(text: string): number {
  // A character takes at most three bytes in UTF-8: most texts need not be encoded to be counted.
  return text.length * 3 <= actorLimits.maxRawMessageBytes ? text.length : encoder.encode(text).length;
}
