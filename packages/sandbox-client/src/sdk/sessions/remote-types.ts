/** Shapes of `/v1/sessions`. Times are milliseconds since the epoch. */

export type RemoteSessionStatus = "starting" | "idle" | "running" | "waiting" | "detached";

export interface RemoteSession {
  readonly id: string;
  readonly agent: string;
  readonly cwd: string;
  readonly title?: string;
  readonly origin: "session" | "acp";
  readonly status: RemoteSessionStatus;
  readonly agentSessionId?: string;
  readonly serverId?: string;
  readonly mode?: string;
  readonly model?: string;
  readonly thoughtLevel?: string;
  readonly modes?: unknown;
  readonly models?: unknown;
  readonly configOptions?: unknown;
  readonly parentId?: string;
  readonly recovery?: "resumed" | "loaded" | "replayed";
  readonly lastSequence: number;
  readonly pendingPermissions: number;
  readonly queuedPrompts: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Set while the session is archived. */
  readonly archivedAt?: number;
}

export interface RemoteSessionsQuery {
  readonly agent?: string;
  readonly status?: RemoteSessionStatus;
  /** True for the archived sessions only, false for the others only. */
  readonly archived?: boolean;
  /** At most this many, 1 to 1,000; with a cursor 200 by default. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

export interface RemoteSessionPage {
  readonly sessions: readonly RemoteSession[];
  /** False when the server keeps its sessions in memory only. */
  readonly durable: boolean;
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

export interface NewRemoteSession {
  readonly agent: string;
  readonly id?: string;
  readonly cwd?: string;
  readonly title?: string;
  readonly mode?: string;
  readonly model?: string;
  readonly thoughtLevel?: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly mcpServers?: readonly object[];
  readonly permissionTimeoutMs?: number;
}

export interface RemotePrompt {
  readonly id: string;
  readonly sessionId: string;
  readonly status: "queued" | "running" | "completed" | "failed" | "cancelled" | "interrupted";
  readonly stopReason?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string; readonly message: string; readonly data?: unknown };
  readonly recovery?: "resumed" | "loaded" | "replayed";
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly settledAt?: number;
}

export interface RemoteCancel {
  readonly cancelled: boolean;
  /** The agent did not answer in time: its process group was ended. */
  readonly forced: boolean;
  readonly prompts: readonly string[];
}

export interface RemotePermission {
  readonly id: string;
  readonly sessionId: string;
  readonly state: "pending" | "answered" | "expired" | "cancelled";
  readonly toolCall: Readonly<Record<string, unknown>>;
  readonly options: readonly { readonly optionId: string; readonly name: string; readonly kind: string }[];
  readonly agentSessionId?: string;
  readonly optionId?: string | null;
  readonly answeredBy?: "client" | "acp" | "policy";
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly resolvedAt?: number;
}

export type RemoteAnswer =
  | { readonly optionId: string }
  | { readonly reply: "once" | "always" | "reject" }
  | { readonly cancel: true };

/** One entry of the log; `payload` is the JSON-RPC message. */
export interface RemoteEvent {
  readonly version: number;
  readonly sessionId: string;
  readonly sequence: number;
  readonly createdAt: number;
  readonly sender: "client" | "agent" | "server";
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface RemoteEventPage {
  readonly events: readonly RemoteEvent[];
  readonly lastSequence: number;
  /** Entries that were dropped. */
  readonly gap?: { readonly from: number; readonly to: number };
}

export type RemoteItem =
  | { readonly type: "event"; readonly event: RemoteEvent }
  | { readonly type: "gap"; readonly from: number; readonly to: number };
