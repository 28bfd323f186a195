/** Sessions of the client and of the server. */
import type {
  AnyMessage,
  NewSessionRequest,
  PermissionOptionKind,
  RequestPermissionRequest,
  SessionConfigOption,
  SessionModeState,
} from "../acp/acp-types.ts";

/** Stored record of a session. Times are milliseconds since the epoch. */
export interface SessionRecord {
  id: string;
  agent: string;
  /** The agent's own id of the session. */
  agentSessionId: string;
  lastConnectionId: string;
  createdAt: number;
  destroyedAt?: number;
  sandboxId?: string;
  sessionInit?: Omit<NewSessionRequest, "_meta">;
  configOptions?: SessionConfigOption[];
  modes?: SessionModeState | null;
}

export type SessionEventSender = "client" | "agent";

/** One message of a session. */
export interface SessionEvent {
  id: string;
  /** 1, 2, 3 and so on in its session. */
  eventIndex: number;
  sessionId: string;
  createdAt: number;
  connectionId: string;
  sender: SessionEventSender;
  payload: AnyMessage;
}

export interface ListPageRequest {
  /** The `nextCursor` of the page before. */
  cursor?: string;
  /** 100 by default. */
  limit?: number;
}

export interface ListPage<T> {
  items: T[];
  /** Absent on the last page. */
  nextCursor?: string;
}

export interface ListEventsRequest extends ListPageRequest {
  sessionId: string;
}

/**
 * Storage of sessions and their events. Sessions are listed oldest first, events by index. `insertEvent` throws an
 * error with the message `UNIQUE constraint failed: ... session_id, ... event_index` if the session already has the
 * index, since two clients can write to one session.
 */
export interface SessionPersistDriver {
  getSession(id: string): Promise<SessionRecord | undefined>;
  listSessions(request?: ListPageRequest): Promise<ListPage<SessionRecord>>;
  /** Inserts or replaces. */
  updateSession(session: SessionRecord): Promise<void>;
  listEvents(request: ListEventsRequest): Promise<ListPage<SessionEvent>>;
  insertEvent(sessionId: string, event: SessionEvent): Promise<void>;
}

export interface SessionCreateRequest {
  /** A random one by default. */
  id?: string;
  agent: string;
  /** Shorthand for `sessionInit.cwd`. Ignored when `sessionInit` is given. */
  cwd?: string;
  /** All parameters for the agent. By default `cwd` and no MCP servers. */
  sessionInit?: Omit<NewSessionRequest, "_meta">;
  model?: string;
  mode?: string;
  thoughtLevel?: string;
}

export interface SessionResumeOrCreateRequest extends SessionCreateRequest {
  id: string;
}

export interface SessionSendOptions {
  /** Sends a notification, which has no answer. */
  notification?: boolean;
}

/**
 * How a session came back on a new connection: by the agent's own `session/resume` or
 * `session/load`, or by its transcript in front of the next prompt.
 */
export type SessionRecovery = "resumed" | "loaded" | "replayed";

export type SessionEventListener = (event: SessionEvent) => void;
export type PermissionReply = "once" | "always" | "reject";
export type PermissionRequestListener = (request: SessionPermissionRequest) => void;

export interface SessionPermissionRequestOption {
  optionId: string;
  name: string;
  kind: PermissionOptionKind;
}

/** A question of the agent that somebody has to answer. */
export interface SessionPermissionRequest {
  id: string;
  createdAt: number;
  sessionId: string;
  agentSessionId: string;
  availableReplies: PermissionReply[];
  options: SessionPermissionRequestOption[];
  toolCall: RequestPermissionRequest["toolCall"];
  rawRequest: RequestPermissionRequest;
}
