/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type RpcId = string | number | null;

/** A JSON-RPC 2.0 message as parsed; the untouched text is beside it in the {@link Envelope}. */
export interface RpcMessage {
  readonly jsonrpc?: string;
  readonly id?: RpcId;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: RpcErrorObject;
}

export interface RpcErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** One message that crossed between client and agent, in the order in which it crossed. */
export interface Envelope {
  readonly direction: "to-agent" | "from-agent";
  /** The message as JSON text, exactly as it was sent: unknown fields, big numbers and order intact. */
  readonly raw: string;
  readonly message: RpcMessage;
  /** Number of the message in the server's stream; only from the agent. Gapless while the agent's server lives. */
  readonly seq?: number;
}

/** Why a connection to an agent ended. */
export type CloseReason =
  | { readonly kind: "closed" }
  /** The server no longer knows the agent instance: it was deleted, or the server restarted. */
  | { readonly kind: "gone"; readonly detail: string }
  /** The server cannot be reached any more. */
  | { readonly kind: "unreachable"; readonly detail: string };

/** Part of an agent's stream that can no longer be had: `from` to `to`, both included. */
export interface StreamGap {
  readonly from: number;
  readonly to: number;
}

/** How an agent process ended, as told by the server. */
export interface AgentExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

export interface AcpOptions {
  /** Agent id; required if the instance does not exist yet. */
  readonly agent?: string;
  /** Resume the stream after this number; by default everything the server has retained. */
  readonly after?: number;
  /**
   * Called with each envelope in order, and awaited: messages are sent and delivered only after it resolves. Use it to
   * store envelopes durably.
   */
  readonly onEnvelope?: (envelope: Envelope) => void | Promise<void>;
  readonly onGap?: (gap: StreamGap) => void;
  readonly onAgentExit?: (exit: AgentExit) => void;
  /** How long the server may be unreachable before the connection gives up; 30 s by default. */
  readonly reconnectForMs?: number;
  /**
   * Time for which a message waits for the server's response to the previous one; unlimited by default. A Holdfast
   * server responds immediately. With a server that responds after the agent's answer, set a limit, or nothing can be
   * sent during a turn.
   */
  readonly orderForMs?: number;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
}

/** A connection to one agent process over ACP. */
export interface AcpConnection {
  readonly serverId: string;
  /**
   * Sends a request and resolves with its `result`, after every envelope that the agent sent before
   * the answer was delivered. Throws `acp.rpc_error` (metadata: code, data) for an error answer,
   * `acp.agent_exited` (metadata: exitCode, signal, stderr) when the agent died.
   */
  request(method: string, params: unknown, options?: RequestOptions): Promise<unknown>;
  notify(method: string, params: unknown): Promise<void>;
  /** Answers a request of the agent. */
  respond(
    id: RpcId,
    answer: { readonly result: unknown } | { readonly error: RpcErrorObject },
  ): Promise<void>;
  /** Every envelope in both directions from now on, in order. Ends when the connection closes. */
  envelopes(): AsyncIterableIterator<Envelope>;
  /** Resolves when the connection has ended; it never rejects. */
  readonly closed: Promise<CloseReason>;
  /**
   * Stops the agent process on the server, then closes the connection. Idempotent. Throws `sandbox.unreachable` if the
   * server does not answer within 10 s; the connection is closed then, too.
   */
  close(): Promise<void>;
  /** Ends the connection and leaves the agent running. */
  detach(): void;
}

export type EntryType = "file" | "directory";

export interface RunRequest {
  /** Program; no shell is involved. */
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
}

export interface RunResult {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  readonly durationMs: number;
}

export interface SandboxConnectOptions {
  /** `http://host:port`; with a `fetch` that has its own way to the server, any. Loopback default port 2468. */
  readonly baseUrl?: string;
  /** For Unix sockets and dialled connections: see `@holdfast/sandbox-client/node`. */
  readonly fetch?: typeof globalThis.fetch;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Skips the health request that `connect` makes. */
  readonly skipHealthCheck?: boolean;
  readonly signal?: AbortSignal;
}

/** A file's new content. */
export type FileContent = string | Uint8Array | ReadableStream<Uint8Array>;
