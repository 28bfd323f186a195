import type { Ports } from "@holdfast/core";
import type { AnyDefinition } from "./definition.ts";
import { Runtime } from "./internal/runtime.ts";
import type { ActorStore, LoadedActor } from "./store.ts";

/** Why an instance is no longer in memory. After "fenced" and "failed" the host loads it anew. */
export type StopReason = "slept" | "destroyed" | "fenced" | "failed" | "shutdown";

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
  /** Aborts when the actor begins to stop. */
  readonly abortSignal: AbortSignal;
}

/** What an instance needs of its host. */
export interface ActorHost {
  readonly ports: Ports;
  readonly store: ActorStore;
  /** The client behind `c.client()`; its calls wait for `caller.gate()` before they leave. */
  client(caller: ActorCaller): object;
  /** Gets the full error behind each `internal.internal_error`. */
  report(errorId: string, error: unknown): void;
}

/** One call. Values are used as they are: the host hands over copies that nobody else changes. */
export interface InvokeCall {
  /** Nested actions are joined with dots. */
  readonly name: string;
  readonly args: readonly unknown[];
  readonly idempotencyKey?: string | undefined;
  /** The caller has gone away or cancelled: aborts `c.abortSignal` of this call. */
  readonly signal?: AbortSignal | undefined;
  /** Connection parameters of a stateless call. */
  readonly params?: unknown;
  /** The connection that the call came over; absent for a stateless call. */
  readonly conn?: ActorConnection | undefined;
  readonly request?: Request | undefined;
}

export interface ConnectRequest {
  readonly params?: unknown;
  readonly request?: Request | undefined;
  /** Aborts a connection that is still being set up. */
  readonly signal?: AbortSignal | undefined;
}

/** An event on its way out: one object per broadcast, shared by all its sinks. */
export interface OutgoingEvent {
  readonly name: string;
  /** `encodeValue` of the array of arguments. */
  readonly args: Uint8Array;
}

/** The host's end of a connection. Its methods are called in order and must not throw. */
export interface ConnectionSink {
  /** First of all, once, when the connection is accepted and what that wrote is durable. */
  open?(connection: ActorConnection): void;
  send(event: OutgoingEvent): void;
  /** Last of all, once; not called when the host closed it. `code` is a WebSocket close code. */
  close(code: number, reason: string): void;
}

/** The actor's end of a connection, for the host. */
export interface ActorConnection {
  readonly id: string;
  subscribe(event: string): void;
  unsubscribe(event: string): void;
  /** The client has gone away: `onDisconnect` runs. Idempotent. */
  close(): void;
}

/** One running actor. */
export interface ActorInstance {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly status: InstanceStatus;
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
  /** Accepts a connection: `onBeforeConnect`, `createConnState`, `onConnect`. */
  connect(request: ConnectRequest, sink: ConnectionSink): Promise<ActorConnection>;
  /** Begins to sleep, resolves like `stopped`. Idempotent; a destruction under way goes on. */
  sleep(): Promise<StopReason>;
  /** Begins to destroy the actor and its data. A sleep under way becomes a destruction if it still can. */
  destroy(): Promise<StopReason>;
  /** As `sleep`, with the reason "shutdown". */
  shutdown(): Promise<StopReason>;
}

export type InstanceStart =
  | { readonly type: "create"; readonly input?: unknown }
  | { readonly type: "wake"; readonly loaded: LoadedActor };

export interface InstanceOptions {
  readonly definition: AnyDefinition;
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  /** 1 for a create; what `acquire` returned for a wake. */
  readonly epoch: number;
  readonly start: InstanceStart;
  readonly host: ActorHost;
}

/** Starts an actor that is not in memory; the host makes at most one instance of an actor at a time. */
export function createInstance(options: InstanceOptions): ActorInstance {
  return new Runtime(options);
}
