import { BufferedWebSocket, closeReason, type RawTransport } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type {
  ActorConnection,
  ActorInstance,
  ConnectionMemory,
  ConnectionSink,
  RawSocketCall,
  RawSocketHost,
} from "../../ports/instance.ts";
import { HostConnection } from "../connections/connection.ts";
import type { Connections } from "../connections/connections.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { asAbortError } from "../lifecycle/error-filter.ts";
import { isThenable } from "../lifecycle/hooks.ts";
import { RawContext } from "./raw-context.ts";

/** The components that a WebSocket works with. */
export interface RawSocketDependencies
  extends Pick<
    ActorCore,
    | "activity"
    | "context"
    | "definition"
    | "errors"
    | "id"
    | "name"
    | "phase"
    | "queue"
    | "transactionLock"
    | "turn"
  > {
  readonly connections: Connections;
  readonly instance: { readonly ready: Promise<void> };
}

/**
 * One raw WebSocket of an actor: its events reach user code, and messages from user code leave through the output
 * gate.
 */
export class RawSocket implements RawSocketHost, RawTransport {
  readonly #actor: RawSocketDependencies;
  readonly #call: RawSocketCall;
  readonly #socket: BufferedWebSocket;
  readonly #abort = new AbortController();
  #connection: HostConnection | undefined;
  /** Bytes that wait behind the output gate. */
  #waiting = 0;
  /** Events that arrived while a transaction or block holds the lock. */
  #late: (() => void)[] | undefined;

  constructor(actor: RawSocketDependencies, call: RawSocketCall, received = 0) {
    this.#actor = actor;
    this.#call = call;
    this.#socket = new BufferedWebSocket({
      url: call.request.url,
      received,
      run: (listener) => this.#enter(listener),
    });
  }

  /** Resolves when `onWebSocket` has been called; it may still run. Rejects if a hook refused the connection. */
  async open(): Promise<RawSocketHost> {
    const { request, params, auth, signal } = this.#call;
    const origin = { params, request, signal, ...(auth === undefined ? {} : { auth }) };
    const sink = new RawSink(this, this.#call, this.#canHibernate());
    this.#attach(await this.#actor.connections.connect(origin, sink));
    this.#begin(true);
    return this;
  }

  /** Resumes after a sleep: calls `onWebSocket` again once the actor is ready, without an open event. */
  restore(connection: ActorConnection): void {
    const { activity, instance } = this.#actor;
    this.#attach(connection);
    activity.begin();
    instance.ready
      .then(
        () => {
          this.#begin(false);
          this.#call.keeper?.attach(this);
        },
        // The failed start has closed the socket.
        () => undefined,
      )
      .finally(() => activity.end());
  }

  /** Number of messages received, for the instance that resumes. */
  get messages(): number {
    return this.#socket.received;
  }

  get address(): { readonly actorId: string; readonly connId: string } {
    return { actorId: this.#actor.id, connId: this.#connection?.id ?? "" };
  }

  #canHibernate(): boolean {
    const { canHibernateWebSocket } = this.#actor.definition.options;
    if (this.#call.keeper === undefined) return false;
    if (typeof canHibernateWebSocket === "boolean") return canHibernateWebSocket;
    return canHibernateWebSocket(this.#call.request) === true;
  }

  #attach(connection: ActorConnection): void {
    if (!(connection instanceof HostConnection)) throw new TypeError("not a connection of this runtime");
    this.#connection = connection;
    this.#actor.context.abortSignal.addEventListener("abort", this.#stop);
  }

  #begin(isNew: boolean): void {
    const actor = this.#actor;
    const { request, protocol } = this.#call;
    const connection = this.#connection?.connection;
    if (connection === undefined) return;
    this.#socket.onOpened(this, protocol, isNew);
    const c = new RawContext(actor.context, request, connection, this.#abort.signal);
    actor.activity.begin();
    actor.turn
      .hook("onWebSocket", [c, this.#socket, { request }])
      .catch((error: unknown) => this.#fail(error))
      .finally(() => actor.activity.end());
  }

  // The host's side

  received(data: string | Uint8Array): boolean {
    // A message that arrives while the actor goes to sleep wakes it again: this instance refuses it.
    const { phase } = this.#actor;
    if (phase.status !== "ready" && this.#connection?.connection.isHibernatable === true) return false;
    this.#inTurn(() => this.#socket.onReceived(data));
    return true;
  }

  /** Passes an event to user code, in order of arrival, as soon as the lock admits it. */
  #inTurn(dispatch: () => void): void {
    if (this.#late !== undefined) {
      this.#late.push(dispatch);
      return;
    }
    const { transactionLock, activity } = this.#actor;
    const pass = transactionLock.pass();
    if (pass === undefined) return dispatch();
    const late = [dispatch];
    this.#late = late;
    activity.begin();
    pass
      .then(
        () => {
          this.#late = undefined;
          for (const each of late) each();
        },
        // The actor was halted: the close code tells the client that its messages may be lost.
        () => this.#call.transport.close(1012, "actor.stopping"),
      )
      .finally(() => activity.end());
  }

  /** The socket has closed. Idempotent. A close without a code (1005) counts as normal. */
  closed(status: number, reason: string, wasClean: boolean): void {
    const code = status === 1005 ? 1000 : status;
    if (this.#socket.readyState === 3) return;
    this.#abort.abort(asAbortError(new HoldfastError("conn", "closed", "The WebSocket was closed")));
    this.#inTurn(() => {
      if (this.#socket.readyState === 3) return;
      this.#socket.onClosed(code, reason, wasClean);
      this.#leave();
    });
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
    this.#actor.turn.send({
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

  /** Without a code the close is normal: clients of the peer see 1000 where the standard has 1005. */
  close(code: number | undefined, reason: string): void {
    this.#actor.turn.send({
      release: () => this.#call.transport.close(code ?? 1000, reason),
      drop: () => this.#call.transport.close(1011, "actor.failed"),
    });
  }

  #enter(listener: () => unknown): void {
    const actor = this.#actor;
    if (actor.phase.status === "stopped") return;
    try {
      const result = actor.turn.enter(listener);
      if (isThenable(result)) {
        actor.activity.keepAwake(result);
        result.then(
          () => actor.queue.close(),
          (error: unknown) => this.#threw(error),
        );
      } else actor.queue.close();
    } catch (error) {
      this.#threw(error);
    }
  }

  /** An error of a listener is logged and ends nothing, as with any event target. */
  #threw(error: unknown): void {
    this.#actor.errors.report(error);
    this.#actor.queue.close();
  }

  #fail(error: unknown): void {
    const sanitized = this.#actor.errors.sanitize(error);
    this.#close(1011, `${sanitized.group}.${sanitized.code}`);
  }

  #close(code: number, reason: string): void {
    this.#socket.close(code, closeReason(reason));
  }

  /** The actor ends the connection: by `conn.disconnect()`, a sleep, a destruction or a failure. */
  end(code: number, reason: string): void {
    const reasonText = closeReason(reason);
    this.#call.transport.close(code, reasonText);
    this.#abort.abort(
      asAbortError(new HoldfastError("conn", "closed", `The actor closed the WebSocket: ${reasonText}`)),
    );
    this.#actor.context.abortSignal.removeEventListener("abort", this.#stop);
    this.#socket.onClosed(code, reasonText, true);
  }

  #leave(): void {
    this.#actor.context.abortSignal.removeEventListener("abort", this.#stop);
    this.#connection?.close();
  }

  /** Bound. The actor begins to stop. */
  readonly #stop = (): void => this.#abort.abort(this.#actor.context.abortSignal.reason);
}

/** The actor's side of the connection, which stays the same across a sleep. */
class RawSink implements ConnectionSink {
  readonly hibernate?: (memory: ConnectionMemory) => void;
  readonly #call: RawSocketCall;
  #current: RawSocket;
  #received = 0;

  constructor(current: RawSocket, call: RawSocketCall, hibernates: boolean) {
    this.#current = current;
    this.#call = call;
    if (hibernates) this.hibernate = (memory) => this.#sleep(memory);
  }

  /** A raw socket has no events. */
  send(): void {}

  close(code: number, reason: string): void {
    this.#current.end(code, reason);
  }

  awake(connection: ActorConnection, instance: ActorInstance): void {
    // This package creates every instance, with these components.
    const { components } = instance as ActorInstance & { readonly components: RawSocketDependencies };
    this.#current = new RawSocket(components, this.#call, this.#received);
    this.#current.restore(connection);
  }

  #sleep(memory: ConnectionMemory): void {
    this.#received = this.#current.messages;
    const { actorId, connId } = this.#current.address;
    this.#call.keeper?.hold(actorId, connId, this, memory);
  }
}

const encoder = new TextEncoder();

function byteLength(text: string): number {
  // A character takes at most three bytes in UTF-8, so most texts need not be encoded to be counted.
  return text.length * 3 <= actorLimits.maxRawMessageBytes ? text.length : encoder.encode(text).length;
}
