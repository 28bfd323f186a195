import type { ActorKey, WireError } from "@holdfast/core";
import type { ManageRequest } from "./management.ts";
import type { QueueMessageOptions } from "./queue.ts";
import type { BufferedWebSocket } from "./raw/raw-socket.ts";

/**
 * Actor that a request addresses. `input` and `place` are used only when this request creates the actor; a place is
 * `region=` and `pool=` as in a query.
 */
export type ActorTarget =
  | { readonly type: "get"; readonly name: string; readonly key: ActorKey; readonly place?: string }
  | {
      readonly type: "getOrCreate";
      readonly name: string;
      readonly key: ActorKey;
      readonly input?: unknown;
      readonly place?: string;
    }
  | { readonly type: "id"; readonly name: string; readonly id: string };

/** One action call. */
export interface DriverCall {
  readonly target: ActorTarget;
  readonly action: string;
  /** Result of `prepareArgs`. */
  readonly args: PreparedFrame;
  readonly params: unknown;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal | undefined;
}

/** Payload of a send to a queue: docs/reference/wire.md. */
export interface SendContent extends QueueMessageOptions {
  readonly body?: unknown;
  readonly wait?: boolean | undefined;
  /** Time in milliseconds that this request waits. */
  readonly timeout?: number | undefined;
  /** Sends no message: waits for the completion of the one sent with the same key. */
  readonly resume?: boolean;
}

/** One message for a queue. */
export interface DriverSend {
  readonly target: ActorTarget;
  readonly queue: string;
  /** Result of `prepareSend`. */
  readonly content: PreparedFrame;
  readonly waits: boolean;
  readonly params: unknown;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** Outcome of a send that waits. */
export interface DriverSendReply {
  readonly status: "completed" | "timedOut";
  readonly response?: unknown;
}

/** Encoded frame that can be sent repeatedly. Later changes to its values have no effect. */
export interface PreparedFrame {
  /** Encoded size in bytes, for buffer limits. */
  readonly size: number;
  readonly data: Uint8Array | string;
}

/** One physical connection. Drops frames that are sent after it closed. */
export interface DriverConnection {
  send(frame: PreparedFrame): void;
  /** Resolves when the other side has acknowledged the close, or after a timeout. */
  close(): Promise<void> | void;
  /** Breaks off as a network would: the other side keeps the connection for a while, so that it can be resumed. */
  lose(): void;
}

/** Receives what arrives over a connection, in order. */
export interface DriverListener {
  frame(frame: ServerFrame): void;
  /** Number of events received so far, sent with heartbeats. */
  received?(): number;
  /** Called once, unless `close` was called on this side. */
  closed(reason: ClosedReason): void;
}

/** Why a connection closed, and whether to reconnect. */
export interface ClosedReason {
  /** Error from the other side, or `client.network_error`. */
  readonly error: WireError;
  /** True when it was closed on purpose: do not reconnect automatically. */
  readonly final: boolean;
  /** True when the actor called `conn.disconnect()`. A connection that had opened may connect again. */
  readonly byActor?: boolean;
}

/**
 * Transport of a client: over the network, or within the process. A driver makes one attempt; the client does retries,
 * reconnection and buffering. Errors are HoldfastErrors; a transport failure is `client.network_error`.
 */
export interface ClientDriver {
  /** Encodes a message for a queue, or the wait for one. Throws the same errors as `prepare`. */
  prepareSend(content: SendContent): PreparedFrame;
  /** Enqueues a message, or waits for one that was enqueued before. */
  send(request: DriverSend): Promise<DriverSendReply>;
  /** True when a connection sends to queues over its own socket instead of separate requests. */
  readonly sendsOverConnections?: boolean;
  /** True when consecutive sends arrive in order without waiting for each reply. */
  readonly keepsOrder: boolean;
  /** Encodes arguments once, so that a retry sends the same bytes. Throws the same errors as `prepare`. */
  prepareArgs(args: readonly unknown[]): PreparedFrame;
  /** Calls an action. A streamed result is a `ReadableStream` of its chunks. */
  call(call: DriverCall): Promise<unknown>;
  /**
   * Resolves the actor's id, creating the actor for a get-or-create target. `params` are checked by its access hooks.
   */
  resolve(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<string>;
  /** Creates the actor. A second request with the same idempotency key gets the same answer. */
  create(request: DriverCreate): Promise<string>;
  /** Encodes a frame. Throws `message.unsupported_value`, `message.outgoing_too_long`. */
  prepare(frame: ClientFrame): PreparedFrame;
  connect(
    target: ActorTarget,
    params: unknown,
    listener: DriverListener,
    resume?: ResumePoint,
    /** Events to subscribe to in the handshake. */
    events?: readonly string[],
  ): DriverConnection;
  /**
   * Sends a request to `onRequest`. Errors of the gateway or the actor are responses with problem details and the
   * header `x-holdfast-error`.
   */
  fetch(request: DriverFetch): Promise<Response>;
  /** Opens a raw WebSocket, which reports failures as events. */
  webSocket(request: DriverWebSocket): BufferedWebSocket | Promise<BufferedWebSocket>;
  /**
   * Base URL of the actor's `/request/...` and `/websocket/...`. Throws `gateway.not_listening` when the driver has no
   * URL.
   */
  gatewayUrl(target: ActorTarget): string | Promise<string>;
  /** Stops the actor and starts it again. */
  reload(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<void>;
  /** Lists, counts or destroys actors. Requires the rights of the server's owner. */
  manage(request: ManageRequest, signal: AbortSignal | undefined): Promise<unknown>;
  dispose(): Promise<void>;
}

/** Request for `onRequest` of an actor. */
export interface DriverFetch {
  readonly target: ActorTarget;
  /** Path and query, starting with a slash. */
  readonly path: string;
  /** Origin of the URL that the caller passed, such as "https://example.com". The actor sees it in its request. */
  readonly origin: string | undefined;
  readonly init: RequestInit;
  readonly params: unknown;
  readonly signal: AbortSignal | undefined;
  readonly skipReadyWait: boolean | undefined;
}

/** WebSocket for `onWebSocket` of an actor. */
export interface DriverWebSocket {
  readonly target: ActorTarget;
  /** Path and query, starting with a slash. */
  readonly path: string;
  readonly protocols: readonly string[];
  readonly params: unknown;
  readonly skipReadyWait: boolean | undefined;
}

/** Request to create an actor. The idempotency key makes it safe to retry. */
export interface DriverCreate {
  readonly name: string;
  readonly key: ActorKey;
  readonly input: unknown;
  /** See {@link ActorTarget}. */
  readonly place?: string | undefined;
  readonly params: unknown;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal | undefined;
}

/** Version of the frames, sent in the server's first frame. */
export const protocolVersion = 1;

/** Frames from client to server: docs/reference/wire.md. */
export type ClientFrame =
  | {
      readonly type: "call";
      readonly id: number;
      readonly name: string;
      readonly args: readonly unknown[];
      readonly idempotencyKey: string;
    }
  /** A message for a queue; the answer is a `DriverSendReply`. */
  | {
      readonly type: "send";
      readonly id: number;
      readonly queue: string;
      readonly idempotencyKey: string;
      readonly content: SendContent;
    }
  /** With its key the call is found also where it came over a connection that was lost. */
  | { readonly type: "cancel"; readonly id: number; readonly idempotencyKey?: string }
  | { readonly type: "subscribe"; readonly event: string }
  | { readonly type: "unsubscribe"; readonly event: string }
  /** The reader of a stream has taken pieces: as many more may be sent. */
  | { readonly type: "credit"; readonly id: number; readonly pieces: number }
  /** `received` is how many events have come: the server need not keep them any longer. */
  | { readonly type: "ping"; readonly received?: number };

/** Client frame that the server replies to. */
export type RequestFrame = Extract<ClientFrame, { type: "call" | "send" }>;

/** Heartbeat settings of both sides, in milliseconds. */
export interface Liveness {
  /** Silence before a ping. */
  readonly intervalMs: number;
  /** Time to wait for any reply before the connection counts as dead. */
  readonly timeoutMs: number;
}

/** Server's half of the resume protocol. */
export interface ResumeInfo {
  /** Identifies this connection to the server when it reconnects. */
  readonly token: string;
  /** Number of events that the client has received, over all sockets of the connection. */
  readonly received: number;
  /** True when the missed events follow; false when they are lost. */
  readonly resumed: boolean;
}

/** Client's half of the resume protocol: the connection to resume. */
export interface ResumePoint {
  readonly token: string;
  readonly received: number;
}

/** Frames from server to client. */
export type ServerFrame =
  | {
      readonly type: "init";
      readonly version: number;
      readonly actorId: string;
      readonly connId: string;
      readonly resume?: ResumeInfo;
      readonly liveness?: Liveness;
    }
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | { readonly type: "error"; readonly id: number | undefined; readonly error: WireError }
  | { readonly type: "event"; readonly name: string; readonly args: readonly unknown[] }
  /** Events were left out because they were not read in time; `received` counts them as received. */
  | { readonly type: "gap"; readonly received: number }
  /** The result of a call comes in pieces; its `result` or `error` is the end of them. */
  | { readonly type: "stream"; readonly id: number }
  | { readonly type: "chunk"; readonly id: number; readonly value: unknown }
  | { readonly type: "pong" };
