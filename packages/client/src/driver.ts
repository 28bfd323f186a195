import type { ActorKey, WireError } from "@holdfast/core";
import type { ManageRequest } from "./management.ts";
import type { QueueMessageOptions } from "./queue.ts";
import type { BufferedWebSocket } from "./raw/raw-socket.ts";

/** Which actor is meant. `input` is used when the actor is made by this request. */
export type ActorTarget =
  | { readonly type: "get"; readonly name: string; readonly key: ActorKey }
  | { readonly type: "getOrCreate"; readonly name: string; readonly key: ActorKey; readonly input?: unknown }
  | { readonly type: "id"; readonly name: string; readonly id: string };

/** One call of an action. */
export interface DriverCall {
  readonly target: ActorTarget;
  readonly action: string;
  /** What `prepareArgs` gave. */
  readonly args: PreparedFrame;
  readonly params: unknown;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal | undefined;
}

/** What is said of a message for a queue: docs/reference/wire.md. */
export interface SendContent extends QueueMessageOptions {
  readonly body?: unknown;
  readonly wait?: boolean | undefined;
  /** How long this request waits, in milliseconds. */
  readonly timeout?: number | undefined;
  /** Sends nothing: waits for the completion of what was sent with the same key. */
  readonly resume?: boolean;
}

/** One message for a queue. */
export interface DriverSend {
  readonly target: ActorTarget;
  readonly queue: string;
  /** What `prepareSend` gave. */
  readonly content: PreparedFrame;
  readonly waits: boolean;
  readonly params: unknown;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** How a send that waits ended. */
export interface DriverSendReply {
  readonly status: "completed" | "timedOut";
  readonly response?: unknown;
}

/** A frame that is ready to be sent, as often as needed: later changes to its values do not reach it. */
export interface PreparedFrame {
  /** Encoded bytes, for the bounds of buffers. */
  readonly size: number;
  readonly data: Uint8Array | string;
}

/** One physical connection. Frames that are sent after it closed are dropped. */
export interface DriverConnection {
  send(frame: PreparedFrame): void;
  /** Resolves when the other side knows, or when it does not say so in time. */
  close(): Promise<void> | void;
}

/** Told what comes over a connection, in order. */
export interface DriverListener {
  frame(frame: ServerFrame): void;
  /** How many events have come so far, for signs of life. */
  received?(): number;
  /** Called once, unless `close` was called here. */
  closed(reason: ClosedReason): void;
}

/** Why a connection ended, and what that means for the next. */
export interface ClosedReason {
  /** What the other side said, or `client.network_error`. */
  readonly error: WireError;
  /** True when it was closed on purpose, so that connecting again by oneself would be wrong. */
  readonly final: boolean;
  /** True when the actor called `conn.disconnect()`: a connection that was open may ask again to come in. */
  readonly byActor?: boolean;
}

/**
 * How a client reaches actors: over the network, or in the same process. A driver makes one attempt;
 * retries, reconnection and buffers are the client's. Errors are HoldfastErrors; a transport failure is
 * `client.network_error`.
 */
export interface ClientDriver {
  /** Encodes a message for a queue, or the wait for one. Throws as `prepare` does. */
  prepareSend(content: SendContent): PreparedFrame;
  /** Puts a message into a queue, or waits for one that is there. */
  send(request: DriverSend): Promise<DriverSendReply>;
  /** True where `send` of a connection goes over its socket; otherwise it is a `send` of its own. */
  readonly sendsOverConnections?: boolean;
  /** True where sends that are made one after the other arrive in that order without waiting for it. */
  readonly keepsOrder: boolean;
  /** Encodes arguments, so that a retry sends what the first attempt sent. Throws as `prepare` does. */
  prepareArgs(args: readonly unknown[]): PreparedFrame;
  /** A result that comes in pieces is a `ReadableStream` of them. */
  call(call: DriverCall): Promise<unknown>;
  /** The id of the actor, made if the target says so. `params` are for whoever is asked whether the caller may. */
  resolve(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<string>;
  /** Makes the actor; a second request with one key gives the same answer. */
  create(request: DriverCreate): Promise<string>;
  /** Encodes a frame. Throws `message.unsupported_value`, `message.outgoing_too_long`. */
  prepare(frame: ClientFrame): PreparedFrame;
  connect(
    target: ActorTarget,
    params: unknown,
    listener: DriverListener,
    resume?: ResumePoint,
    /** What it is subscribed to from its first frame on. */
    events?: readonly string[],
  ): DriverConnection;
  /**
   * Sends a request to `onRequest`. An error of the gateway or the actor is a response with problem
   * details and the header `x-holdfast-error`.
   */
  fetch(request: DriverFetch): Promise<Response>;
  /** Opens a raw WebSocket; what fails is told by its events. */
  webSocket(request: DriverWebSocket): BufferedWebSocket;
  /**
   * The URL below which `/request/...` and `/websocket/...` are the actor's own. Throws
   * `gateway.not_listening` where there is none.
   */
  gatewayUrl(target: ActorTarget): string | Promise<string>;
  /** Starts the actor anew. */
  reload(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<void>;
  /** Asks of many actors: needs the rights of the server's owner. */
  manage(request: ManageRequest, signal: AbortSignal | undefined): Promise<unknown>;
  dispose(): Promise<void>;
}

/** A request for the `onRequest` of an actor. */
export interface DriverFetch {
  readonly target: ActorTarget;
  /** Path and query; begins with a slash. */
  readonly path: string;
  /** Of the URL that the caller named, as "https://example.com": the actor sees it in its request. */
  readonly origin: string | undefined;
  readonly init: RequestInit;
  readonly params: unknown;
  readonly signal: AbortSignal | undefined;
  readonly skipReadyWait: boolean | undefined;
}

/** A WebSocket for the `onWebSocket` of an actor. */
export interface DriverWebSocket {
  readonly target: ActorTarget;
  /** Path and query; begins with a slash. */
  readonly path: string;
  readonly protocols: readonly string[];
  readonly params: unknown;
  readonly skipReadyWait: boolean | undefined;
}

/** The creation of an actor. Its idempotency key lets an attempt be made again. */
export interface DriverCreate {
  readonly name: string;
  readonly key: ActorKey;
  readonly input: unknown;
  readonly params: unknown;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal | undefined;
}

/** Version of the frames; the first frame that a server sends carries it. */
export const protocolVersion = 1;

/** Frames of a connection, client to server: docs/reference/wire.md. */
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

/** A frame that has an answer. */
export type AnsweredFrame = Extract<ClientFrame, { type: "call" | "send" }>;

/** When the two sides ask each other for a sign of life, in milliseconds. */
export interface Liveness {
  /** After so long, each time. */
  readonly intervalMs: number;
  /** One that has not come after so long will not come. */
  readonly timeoutMs: number;
}

/** How a connection goes on where another one was cut off. */
export interface ResumeInfo {
  /** Names this connection to the server, should it be lost. */
  readonly token: string;
  /** How many events the client has received, counting those of the connection that was lost. */
  readonly received: number;
  /** Whether what was missed follows. If not, it is gone. */
  readonly resumed: boolean;
}

/** The connection that was lost. */
export interface ResumePoint {
  readonly token: string;
  readonly received: number;
}

/** Frames of a connection, server to client. */
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
