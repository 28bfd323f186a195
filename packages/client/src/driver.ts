import type { ActorKey, WireError } from "@holdfast/core";

/** Which actor is meant. `input` is used when the actor is made by this request. */
export type ActorTarget =
  | { readonly type: "get"; readonly name: string; readonly key: ActorKey }
  | { readonly type: "getOrCreate"; readonly name: string; readonly key: ActorKey; readonly input?: unknown }
  | { readonly type: "id"; readonly name: string; readonly id: string };

export interface DriverCall {
  readonly target: ActorTarget;
  readonly action: string;
  readonly args: readonly unknown[];
  readonly params: unknown;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal | undefined;
}

/** One physical connection. Frames that are sent after it closed are dropped. */
export interface DriverConnection {
  send(frame: ClientFrame): void;
  close(): void;
}

export interface DriverListener {
  frame(frame: ServerFrame): void;
  /** Called once. `error` is set when the other side said why. */
  closed(error: WireError | undefined): void;
}

/**
 * How a client reaches actors: over the network, or in the same process. A driver makes one attempt;
 * retries, reconnection and buffers are the client's. Errors are HoldfastErrors; a transport failure is
 * `client.network_error`.
 */
export interface ClientDriver {
  call(call: DriverCall): Promise<unknown>;
  /** The id of the actor, made if the target says so. */
  resolve(target: ActorTarget, signal: AbortSignal | undefined): Promise<string>;
  create(request: {
    readonly name: string;
    readonly key: ActorKey;
    readonly input: unknown;
    readonly idempotencyKey: string;
    readonly signal: AbortSignal | undefined;
  }): Promise<string>;
  connect(target: ActorTarget, params: unknown, listener: DriverListener): DriverConnection;
  dispose(): Promise<void>;
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
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "subscribe"; readonly event: string }
  | { readonly type: "unsubscribe"; readonly event: string }
  | { readonly type: "ping" };

/** Frames of a connection, server to client. */
export type ServerFrame =
  | { readonly type: "init"; readonly version: number; readonly actorId: string; readonly connId: string }
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | { readonly type: "error"; readonly id: number | undefined; readonly error: WireError }
  | { readonly type: "event"; readonly name: string; readonly args: readonly unknown[] }
  | { readonly type: "pong" };
