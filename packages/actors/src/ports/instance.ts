/** What stores and servers implement or call: the ActorStore port and the instance port. */
import type { ActorTarget, RawTransport } from "@holdfast/client";
import type { Ports } from "@holdfast/core";
import type { CancelSignal } from "../cancellation.ts";
import type { ActorInspection } from "./inspection.ts";
import type { OutgoingEvent } from "./outgoing-event.ts";
import type { ActorStore } from "./store.ts";

/** Why an instance is no longer in memory. After "fenced" and "failed" the host loads it anew. */
export type StopReason = "slept" | "destroyed" | "fenced" | "failed" | "shutdown";

/** The life of an instance, in this order; a stopped one does not come back. */
export type InstanceStatus = "starting" | "ready" | "stopping" | "stopped";

/** The actor on whose behalf a client makes calls: what the host's in-process client has to know. */
export interface ActorCaller {
  readonly actorId: string;
  readonly name: string;
  readonly key: readonly string[];
  /**
   * Closes the open turn and resolves when all that it depends on is durable. A call may leave only
   * after it, in the order of the `gate()` calls. Rejects when the commit failed: then do not send.
   */
  gate(): Promise<void>;
  /**
   * Sends a message to a queue of another actor: it is written with the open turn and delivered when that
   * is durable, also after a crash. Resolves when the target has it; throws what the target says.
   */
  send(message: OutgoingSend): Promise<void>;
  /** Its client was disposed of: the next `c.client()` gives another. */
  disposed(): void;
  /** Aborts when the actor begins to stop. */
  readonly abortSignal: AbortSignal;
}

/** What a span of the host's tracing says of what it measures. */
export type TraceAttributes = Readonly<Record<string, string | number | boolean>>;

/** What an instance needs of its host. */
export interface ActorHost {
  readonly ports: Ports;
  readonly store: ActorStore;
  /** The client behind `c.client()`; its calls wait for `caller.gate()` before they leave. */
  client(caller: ActorCaller): object;
  /** `c.region`: "local" unless given. */
  readonly region?: string;
  /** Behind `c.fetch`; called when the commit that precedes the request is durable. */
  fetch?(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Hands a message to another actor; resolves when it is durable there. */
  deliver?(target: ActorTarget, call: SendCall): Promise<unknown>;
  /** Shows callers the message of every error: for development. */
  readonly exposeErrors?: boolean;
  /** Runs `work`, and tells whoever observes the host how long it took and how it ended. */
  trace?<T>(actorId: string, name: string, attributes: TraceAttributes, work: () => Promise<T>): Promise<T>;
  /** An instance is out of memory: called once, before its `stopped` resolves. */
  left?(instance: ActorInstance, reason: StopReason): void;
  /** Gets the full error behind each `internal.internal_error`. */
  report(errorId: string, error: unknown): void;
}

/** Where a result goes that comes in pieces. */
export interface ResultStream {
  /** First of all: the result is a stream. */
  begin(): void;
  /**
   * One piece, `encodeValue` of it, once the commit before it is durable. The next one is made when this
   * returns or resolves. Throws what the stream then ends with.
   */
  chunk(value: Uint8Array): Promise<void> | void;
  /** Where the reader can give up otherwise than by the signal of the call: says so by `callback`. */
  onCancel?(callback: () => void): void;
}

/** The request of a call, or what makes it for the few hooks that look at it: always the same one. */
export type RequestSource = Request | (() => Request);

/** One call. Values are used as they are: the host hands over copies that nobody else changes. */
export interface InvokeCall {
  /** Nested actions are joined with dots. */
  readonly name: string;
  readonly args: readonly unknown[];
  readonly idempotencyKey?: string | undefined;
  /** The caller has gone away or cancelled: aborts `c.abortSignal` of this call. */
  readonly signal?: CancelSignal | undefined;
  /** Connection parameters of a stateless call. */
  readonly params?: unknown;
  /** What `onAuth` returned, for a stateless call. */
  readonly auth?: unknown;
  /** Takes a result that comes in pieces; without it such a result is `action.stream_not_supported`. */
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
  /** The target takes two sends with one key for one. */
  readonly idempotencyKey: string;
  /** `QueueMessageOptions`. */
  readonly options?: unknown;
}

/** A message for one of the actor's queues. Values are used as they are, as for an {@link InvokeCall}. */
export interface SendCall {
  /** The queue. */
  readonly name: string;
  readonly body: unknown;
  /** `QueueMessageOptions`; checked here. */
  readonly options?: unknown;
  /** Whether to wait until the message is completed. */
  readonly wait?: boolean | undefined;
  /** How long to wait; for ever unless given. */
  readonly timeoutMs?: number | undefined;
  /** Only waits for what was sent with this key before. */
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

/** Who asks for a connection, with what. */
export interface ConnectRequest {
  readonly params?: unknown;
  /** What `onAuth` returned. */
  readonly auth?: unknown;
  /** The lost connection of the same client, asked for when the new one opens. */
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
  /** The client has gone away. */
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
  /** The client has gone away before the actor took the socket. */
  readonly signal?: AbortSignal | undefined;
  /** What the two sides agreed on, or "". */
  readonly protocol: string;
  readonly transport: RawTransport;
  /** Present where the host can keep the socket while the actor sleeps. */
  readonly keeper?: RawSocketKeeper;
}

/** The host's side of a raw WebSocket that outlives the actor's sleep. */
export interface RawSocketKeeper {
  /** The actor sleeps: to be handed to its next wake in `InstanceStart.held`. */
  hold(actorId: string, connId: string, sink: ConnectionSink, memory: ConnectionMemory): void;
  /** The actor is back, and this is its end now. */
  attach(host: RawSocketHost): void;
}

/** What the host tells of a raw WebSocket. */
export interface RawSocketHost {
  /** Text as a string, binary data as bytes. False when the next instance is to get it. */
  received(data: string | Uint8Array): boolean;
  closed(code: number, reason: string, wasClean: boolean): void;
}

/** The host's end of a connection. Its methods are called in order and must not throw. */
export interface ConnectionSink {
  /**
   * First of all, once, when the connection is accepted and what that wrote is durable. `resumed` when it
   * has taken the place of the one that `ConnectRequest.resumes` gave.
   */
  open?(connection: ActorConnection, resumed: boolean): void;
  send(event: OutgoingEvent): void;
  /** Last of all, once; not called when the host closed it. `code` is a WebSocket close code. */
  close(code: number, reason: string): void;
  /**
   * Present where the host keeps the client while the actor is out of memory: called when it has gone
   * to sleep. The next wake gets the connection back in `InstanceStart.held`, with the same sink.
   */
  hibernate?(memory: ConnectionMemory): void;
  /** The actor is in memory again, and this is its end of the connection now. */
  awake?(connection: ActorConnection, instance: ActorInstance): void;
}

/** What an actor needs to know of a connection to go on collecting what its client misses. */
export interface ConnectionMemory {
  readonly subscriptions: readonly string[];
  readonly rooms: readonly string[];
}

/** A connection that a host kept while the actor slept. */
export interface HibernatedConnection {
  readonly id: string;
  readonly sink: ConnectionSink;
  /** What `hibernate` was given. It wins over the record: it may have changed while that was written. */
  readonly memory: ConnectionMemory;
  /** Whether its client is away. */
  readonly isLost: boolean;
}

/** The actor's end of a connection, for the host. */
export interface ActorConnection {
  readonly id: string;
  readonly subscriptions: ReadonlySet<string>;
  /**
   * Refused by `canSubscribe`, the connection is closed with 1008 and `auth.forbidden`. False where the actor is
   * about to be out of memory: its next instance is the one to ask. A promise where `canSubscribe` takes its time:
   * what the client sends next has to wait for it, and who goes to sleep meanwhile is asked again.
   */
  subscribe(event: string): boolean | Promise<void>;
  unsubscribe(event: string): void;
  /**
   * The client was cut off and may come back: `onDisconnect` runs, and what it would have heard goes
   * on to the sink until `close` or until another connection takes over. Idempotent.
   */
  lose(): void;
  /** The client has gone away: `onDisconnect` runs. Idempotent. */
  close(): void;
}

/** One running actor. */
export interface ActorInstance {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly status: InstanceStatus;
  /** When it wants to be in memory, in milliseconds since the epoch; stored with its commits. */
  readonly wakeAt: number | undefined;
  /**
   * Resolves when the start hooks have run and what they wrote is durable (for a create: the actor
   * exists). Rejects with what a caller may see; then `stopped` resolves with "failed" or "fenced".
   */
  readonly ready: Promise<void>;
  /** Resolves when the instance is out of memory; never rejects. */
  readonly stopped: Promise<StopReason>;
  /**
   * Runs an action and resolves with `encodeValue` of its result once the commit that it depends on is
   * durable. Calls made while it starts wait. Rejects with what the caller may see, among them
   * `actor.stopping` (nothing ran: wait for `stopped`, wake it again, retry), `actor.fenced`,
   * `actor.action_not_found`, `actor.action_timed_out`, `action.interrupted`, `action.aborted`.
   */
  invoke(call: InvokeCall): Promise<Uint8Array>;
  /** Cancels the action that runs with this key for all who wait for it, as their signals would. */
  cancelCall(idempotencyKey: string): void;
  /**
   * Puts a message into a queue and resolves with `encodeValue` of `{ status, response? }` when that is
   * durable, with `wait` when the message was completed. Rejects as `invoke` does (after `actor.stopping`
   * the same call may be made of the next instance, where it needs an `idempotencyKey` to be the same),
   * and with `queue.not_defined`, `queue.full`, `queue.message_too_large`, `queue.invalid_payload`,
   * `auth.forbidden`.
   */
  send(call: SendCall): Promise<Uint8Array>;
  /** Accepts a connection: `onBeforeConnect`, `createConnState`, `onConnect`. */
  connect(request: ConnectRequest, sink: ConnectionSink): Promise<ActorConnection>;
  /**
   * Hands a request to `onRequest`. The response and each chunk of its body come when what they depend
   * on is durable. Rejects with what the caller may see, among them `actor.stopping` (nothing ran),
   * `actor.request_not_defined`, `actor.invalid_response`, `actor.action_timed_out`, `action.aborted`.
   */
  request(call: RawRequestCall): Promise<Response>;
  /** Hands a WebSocket to `onWebSocket`. Rejects as `connect`, and with `actor.websocket_not_defined`. */
  openWebSocket(call: RawSocketCall): Promise<RawSocketHost>;
  /** What it carries now, for metrics. */
  load(): { readonly connections: number; readonly queued: number };
  /** What people may see and do beside actions. Ask when `ready` has resolved. */
  inspect(): ActorInspection;
  /** Begins to sleep, resolves like `stopped`. Idempotent; a destruction under way goes on. */
  sleep(): Promise<StopReason>;
  /** Begins to destroy the actor and its data. A sleep under way becomes a destruction if it still can. */
  destroy(): Promise<StopReason>;
  /** As `sleep`, with the reason "shutdown". */
  shutdown(): Promise<StopReason>;
}
