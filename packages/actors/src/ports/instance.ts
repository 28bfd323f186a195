/** The ports that stores and servers implement or call: `ActorStore` and the instance. */
import type { ActorTarget, RawTransport } from "@holdfast/client";
import type { HoldfastError, Ports } from "@holdfast/core";
import type { CancelSignal } from "../cancellation.ts";
import type { ActorInspection } from "./inspection.ts";
import type { OutgoingEvent } from "./outgoing-event.ts";
import type { ActorStore } from "./store.ts";

/** Why an instance left memory. After "fenced" and "failed" the host loads the actor again. */
export type StopReason = "slept" | "destroyed" | "fenced" | "failed" | "shutdown";

/** The phases of an instance, in this order; a stopped instance does not restart. */
export type InstanceStatus = "starting" | "ready" | "stopping" | "stopped";

/** The calling actor, as the host's in-process client sees it. */
export interface ActorCaller {
  readonly actorId: string;
  /** Its name in the store, which includes its namespace. */
  readonly name: string;
  readonly key: readonly string[];
  /**
   * Closes the open turn and resolves when everything that it depends on is durable. A call may be sent only after
   * that, in the order of the `gate()` calls. Rejects if the commit failed: then it must not be sent.
   */
  gate(): Promise<void>;
  /**
   * Sends a message to a queue of another actor: written with the open turn and delivered once durable, also after a
   * crash. Resolves when the target has it; throws the target's error.
   */
  send(message: OutgoingSend): Promise<void>;
  /** Called when its client was disposed: the next `c.client()` returns another one. */
  disposed(): void;
  /** Aborts when the actor starts to stop. */
  readonly abortSignal: AbortSignal;
}

/** Attributes of a tracing span. */
export type TraceAttributes = Readonly<Record<string, string | number | boolean>>;

/** The services that a host provides to its instances. */
export interface ActorHost {
  readonly ports: Ports;
  readonly store: ActorStore;
  /** The client behind `c.client()`; its calls wait for `caller.gate()` before they are sent. */
  client(caller: ActorCaller): object;
  /** `c.region`: "local" by default. */
  readonly region?: string;
  /** Implements `c.fetch`; called when the preceding commit is durable. */
  fetch?(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Delivers a message to another actor; resolves when it is durable there. */
  deliver?(target: ActorTarget, call: SendCall): Promise<unknown>;
  /**
   * Returns the connections of a document that {@link storeMovedConnections} has stored, with `isLost`. Called at most
   * once for each document. Its clients connect again, or their sinks close the connections.
   */
  restoreConnections?(instance: ActorInstance, document: Uint8Array): readonly HibernatedConnection[];
  /** Shows callers the message of every error: for development. */
  readonly exposeErrors?: boolean;
  /** Runs `work` in a tracing span. */
  trace?<T>(actorId: string, name: string, attributes: TraceAttributes, work: () => Promise<T>): Promise<T>;
  /** Called once when the instance is out of memory, before its `stopped` resolves. */
  left?(instance: ActorInstance, reason: StopReason): void;
  /** Receives the original error of each `internal.internal_error`. */
  report(errorId: string, error: unknown): void;
}

/** The receiver of a streamed result. */
export interface ResultStream {
  /** Called first, when the result is a stream. */
  begin(): void;
  /**
   * One chunk, as `encodeValue`, once the commit before it is durable. The next one is produced when this returns or
   * resolves. Throws the error that ends the stream.
   */
  chunk(value: Uint8Array): Promise<void> | void;
  /** Registers a callback for a reader that stops reading without aborting the signal of the call. */
  onCancel?(callback: () => void): void;
}

/**
 * The request of a call, or a function that creates it for the few hooks that use it, always returning the same one.
 */
export type RequestSource = Request | (() => Request);

/** One call. Values are used directly: the host passes copies that nothing else changes. */
export interface InvokeCall {
  /** Nested actions are joined with dots. */
  readonly name: string;
  readonly args: readonly unknown[];
  readonly idempotencyKey?: string | undefined;
  /** The caller has disconnected or cancelled: aborts `c.abortSignal` of this call. */
  readonly signal?: CancelSignal | undefined;
  /** Connection parameters of a stateless call. */
  readonly params?: unknown;
  /** The result of `onAuth`, for a stateless call. */
  readonly auth?: unknown;
  /** Receives a streamed result; without it, such a result is `action.stream_not_supported`. */
  readonly stream?: ResultStream | undefined;
  /** The connection that the call came over; absent for a stateless call. */
  readonly conn?: ActorConnection | undefined;
  readonly request?: RequestSource | undefined;
}

/** A message for a queue of another actor. */
export interface OutgoingSend {
  readonly target: ActorTarget;
  readonly queue: string;
  readonly body: unknown;
  readonly params?: unknown;
  /** The target treats two sends with the same key as one. */
  readonly idempotencyKey: string;
  /** `QueueMessageOptions`. */
  readonly options?: unknown;
}

/** A message for one of the actor's queues. Values are used directly, as for an {@link InvokeCall}. */
export interface SendCall {
  /** The queue. */
  readonly name: string;
  readonly body: unknown;
  /** `QueueMessageOptions`; checked here. */
  readonly options?: unknown;
  /** Whether to wait for the completion of the message. */
  readonly wait?: boolean | undefined;
  /** How long to wait; indefinitely by default. */
  readonly timeoutMs?: number | undefined;
  /** Only waits for an earlier send with this key. */
  readonly resumes?: boolean | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Ends the wait. */
  readonly signal?: CancelSignal | undefined;
  /** Connection parameters of a stateless send. */
  readonly params?: unknown;
  readonly auth?: unknown;
  readonly conn?: ActorConnection | undefined;
  readonly request?: RequestSource | undefined;
}

/** A request for a connection. */
export interface ConnectRequest {
  readonly params?: unknown;
  /** The result of `onAuth`. */
  readonly auth?: unknown;
  /** Returns the lost connection of the same client, when the new one opens. */
  readonly resumes?: () => ActorConnection | undefined;
  readonly request?: RequestSource | undefined;
  /** Aborts a connection that is still being set up. */
  readonly signal?: AbortSignal | undefined;
}

/** A request for `onRequest`. */
export interface RawRequestCall {
  /** As user code sees it: its URL has the path below `/request`. */
  readonly request: Request;
  readonly params?: unknown;
  readonly auth?: unknown;
  /** The client has disconnected. */
  readonly signal?: AbortSignal | undefined;
  /** Also reaches an actor in the grace of its stop. */
  readonly skipReadyWait?: boolean | undefined;
}

/** A WebSocket for `onWebSocket`; it is open. */
export interface RawSocketCall {
  /** The upgrade, as user code sees it: its URL has the path below `/websocket`. */
  readonly request: Request;
  readonly params?: unknown;
  readonly auth?: unknown;
  /** The client has disconnected before the actor took the socket. */
  readonly signal?: AbortSignal | undefined;
  /** The negotiated subprotocol, or "". */
  readonly protocol: string;
  readonly transport: RawTransport;
  /** Present if the host can keep the socket while the actor sleeps. */
  readonly keeper?: RawSocketKeeper;
}

/** The host's side of a raw WebSocket that outlives the actor's sleep. */
export interface RawSocketKeeper {
  /** Called when the actor sleeps: pass the socket to its next wake in `InstanceStart.held`. */
  hold(actorId: string, connId: string, sink: ConnectionSink, memory: ConnectionMemory): void;
  /** Called when the actor is back, with its current end. */
  attach(host: RawSocketHost): void;
}

/** The actor's end of a raw WebSocket, as the host calls it. */
export interface RawSocketHost {
  /** Text as a string, binary data as bytes. Returns false if the next instance has to receive it. */
  received(data: string | Uint8Array): boolean;
  closed(code: number, reason: string, wasClean: boolean): void;
}

/** The host's end of a connection. Its methods are called in order and must not throw. */
export interface ConnectionSink {
  /**
   * Called first, once, when the connection is accepted and the writes of its hooks are durable. `resumed` if it
   * continues the one that `ConnectRequest.resumes` returned.
   */
  open?(connection: ActorConnection, resumed: boolean): void;
  send(event: OutgoingEvent): void;
  /** Called last, once; not called if the host closed it. `code` is a WebSocket close code. */
  close(code: number, reason: string): void;
  /**
   * Present if the host keeps the client while the actor is out of memory: called when the actor has fallen asleep.
   * The next wake receives the connection in `InstanceStart.held`, with the same sink.
   */
  hibernate?(memory: ConnectionMemory): void;
  /** Called when the actor is in memory again; `host` is its new end of the connection. */
  awake?(connection: ActorConnection, instance: ActorInstance): void;
}

/** The parts of a connection that an actor needs to continue collecting missed events. */
export interface ConnectionMemory {
  readonly subscriptions: readonly string[];
  readonly rooms: readonly string[];
}

/** A connection that a host kept while the actor slept. */
export interface HibernatedConnection {
  readonly id: string;
  readonly sink: ConnectionSink;
  /** The argument of `hibernate`, as far as it is known. It overrides the record, which may be older. */
  readonly memory: Partial<ConnectionMemory>;
  /** True if its client is disconnected. */
  readonly isLost: boolean;
}

/** The actor's end of a connection, for the host. */
export interface ActorConnection {
  readonly id: string;
  readonly subscriptions: ReadonlySet<string>;
  /**
   * Subscribes. If `canSubscribe` refuses, the connection is closed with 1008 and `auth.forbidden`. Returns false if
   * the actor is about to leave memory: repeat it at the next instance. Returns a promise if `canSubscribe` is
   * asynchronous: later frames of the client have to wait for it, and if the actor goes to sleep in the meantime, it
   * is repeated.
   */
  subscribe(event: string): boolean | Promise<void>;
  unsubscribe(event: string): void;
  /**
   * The client was disconnected and may return: `onDisconnect` runs, and its events continue to go to the sink until
   * `close`, or until another connection takes over. Idempotent.
   */
  lose(): void;
  /** The client has disconnected: `onDisconnect` runs. Idempotent. */
  close(): void;
}

/** One running actor. */
export interface ActorInstance {
  readonly id: string;
  /** Its name in the store, which includes its namespace. */
  readonly name: string;
  readonly key: readonly string[];
  /** Where it may run, if not everywhere. */
  readonly place: string | undefined;
  readonly status: InstanceStatus;
  readonly epoch: number;
  /** Version of its last commit. */
  readonly version: number;
  /** Its wake-up time, in milliseconds since the epoch; stored with its commits. */
  readonly wakeAt: number | undefined;
  /**
   * Resolves when the start hooks have run and their writes are durable (for a create: the actor exists). Rejects with
   * an error that a caller may see; then `stopped` resolves with "failed" or "fenced".
   */
  readonly ready: Promise<void>;
  /** Resolves when the instance is out of memory; never rejects. */
  readonly stopped: Promise<StopReason>;
  /**
   * Runs an action and resolves with `encodeValue` of its result once the commit that it depends on is durable. Calls
   * during the start wait. Rejects with an error that the caller may see, among them `actor.stopping` (nothing ran:
   * wait for `stopped`, wake it again, retry), `actor.fenced`, `actor.action_not_found`, `actor.action_timed_out`,
   * `action.interrupted`, `action.aborted`.
   */
  invoke(call: InvokeCall): Promise<Uint8Array>;
  /** Cancels the running action with this key for all of its waiters, as their signals would. */
  cancelCall(idempotencyKey: string): void;
  /**
   * Puts a message into a queue and resolves with `encodeValue` of `{ status, response? }` once durable or, with
   * `wait`, once the message is completed. Rejects as `invoke` does (after `actor.stopping`, the same call may be
   * repeated at the next instance; it needs an `idempotencyKey` to be recognized), and with `queue.not_defined`,
   * `queue.full`, `queue.message_too_large`, `queue.invalid_payload`, `auth.forbidden`.
   */
  send(call: SendCall): Promise<Uint8Array>;
  /** Accepts a connection: `onBeforeConnect`, `createConnState`, `onConnect`. */
  connect(request: ConnectRequest, sink: ConnectionSink): Promise<ActorConnection>;
  /**
   * Passes a request to `onRequest`. The response and each chunk of its body are returned once everything that they
   * depend on is durable. Rejects with an error that the caller may see, among them `actor.stopping` (nothing ran),
   * `actor.request_not_defined`, `actor.invalid_response`, `actor.action_timed_out`, `action.aborted`.
   */
  request(call: RawRequestCall): Promise<Response>;
  /** Passes a WebSocket to `onWebSocket`. Rejects as `connect`, and with `actor.websocket_not_defined`. */
  openWebSocket(call: RawSocketCall): Promise<RawSocketHost>;
  /** Current load, for metrics. */
  load(): { readonly connections: number; readonly queued: number };
  /** Inspection of the actor. Call it after `ready` has resolved. */
  inspect(): ActorInspection;
  /** Puts the actor to sleep; resolves like `stopped`. Idempotent; a running destruction continues. */
  sleep(): Promise<StopReason>;
  /** Destroys the actor and its data. A running sleep becomes a destruction if that is still possible. */
  destroy(): Promise<StopReason>;
  /** As `sleep`, with the reason "shutdown". */
  shutdown(): Promise<StopReason>;
  /**
   * Leaves memory at once, as after a commit that was fenced: another process may own the actor. Everything that waits
   * is rejected with `error`, one of `actor.fenced`; a commit on its way may still succeed. Idempotent.
   */
  disown(error: HoldfastError): void;
}
