import type { PermissionOption, PermissionVerdict } from "./turns/policy.ts";

/**
 * How a session was recovered: with the agent's `session/resume` or `session/load`, or by a transcript before the next
 * prompt.
 */
export type Recovery = "resumed" | "loaded" | "replayed";

/**
 * `idle`: ready. `running`: in a turn. `waiting`: in a turn, a permission is pending. `detached`: no
 * agent process; the next prompt recovers the session. `starting`: being opened.
 */
export type SessionStatus = "starting" | "idle" | "running" | "waiting" | "detached";

export type Origin = "session" | "acp";

export type Sender = "client" | "agent" | "server";

/** The stored state of a session, without its log. Times are milliseconds since the epoch. */
export interface SessionRecord {
  readonly id: string;
  readonly agent: string;
  readonly cwd: string;
  readonly origin: Origin;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly title?: string;
  readonly agentSessionId?: string;
  readonly mode?: string;
  readonly model?: string;
  readonly thoughtLevel?: string;
  /** Config options that a client has set, by id; restored after a recovery. */
  readonly config?: Readonly<Record<string, string>>;
  readonly modes?: unknown;
  readonly models?: unknown;
  readonly configOptions?: unknown;
  readonly mcpServers: readonly unknown[];
  readonly permissionTimeoutMs?: number;
  readonly parentId?: string;
  /** The last entry of the parent's log that belongs to this session's history. */
  readonly parentSequence?: number;
  readonly recovery?: Recovery;
  /** The agent has no history of the session: the next prompt carries a transcript. */
  readonly needsTranscript?: boolean;
  /** Rules that answer permission requests before the server's policy and the user. The last match wins. */
  readonly permissionRules?: readonly PermissionRule[];
  /** Put away by a client. It is only a mark: the session can be used as before. */
  readonly archivedAt?: number;
}

/** A rule for permission requests. `permission` matches the kind of tool, `pattern` its paths or command; `*` matches anything. */
export interface PermissionRule {
  readonly permission: string;
  readonly pattern: string;
  readonly action: PermissionVerdict;
}

/** A session as clients see it. */
export interface SessionView {
  readonly id: string;
  readonly agent: string;
  readonly cwd: string;
  readonly title?: string;
  readonly origin: Origin;
  readonly status: SessionStatus;
  readonly agentSessionId?: string;
  readonly serverId?: string;
  readonly mode?: string;
  readonly model?: string;
  readonly thoughtLevel?: string;
  readonly modes?: unknown;
  readonly models?: unknown;
  readonly configOptions?: unknown;
  readonly parentId?: string;
  readonly recovery?: Recovery;
  readonly lastSequence: number;
  readonly pendingPermissions: number;
  readonly queuedPrompts: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly archivedAt?: number;
}

/** Which sessions a list has; null for no condition. */
export interface SessionFilter {
  readonly agent: string | null;
  readonly status: string | null;
  readonly archived: boolean | null;
}

/** One entry of a session's log; `payload` is the JSON-RPC message as its sender wrote it. */
export interface LogEntry {
  readonly version: number;
  readonly sequence: number;
  readonly createdAt: number;
  readonly sender: Sender;
  readonly payload: string;
}

export type PromptStatus = "queued" | "running" | "completed" | "failed" | "cancelled" | "interrupted";

export interface PromptError {
  readonly code: string;
  readonly message: string;
  readonly data?: unknown;
}

/** A prompt as clients see it. */
export interface PromptView {
  readonly id: string;
  readonly sessionId: string;
  readonly status: PromptStatus;
  readonly stopReason?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: PromptError;
  readonly recovery?: Recovery;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly settledAt?: number;
}

/** A stored prompt with its content, or with a digest of it to recognize a retry. */
export interface PromptRecord extends PromptView {
  readonly content: readonly Readonly<Record<string, unknown>>[];
}

export type PermissionState = "pending" | "answered" | "expired" | "cancelled";

/** A permission request of an agent, as it is stored and shown to clients. */
export interface PermissionView {
  readonly id: string;
  readonly sessionId: string;
  readonly state: PermissionState;
  readonly toolCall: Readonly<Record<string, unknown>>;
  readonly options: readonly PermissionOption[];
  readonly agentSessionId?: string;
  readonly optionId?: string | null;
  readonly answeredBy?: "client" | "acp" | "policy";
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly resolvedAt?: number;
}

/** Outcome of a cancel. */
export interface CancelOutcome {
  readonly cancelled: boolean;
  /** The agent ignored the cancel and was killed with its process group. */
  readonly forced: boolean;
  /** Ids of the prompts that were cancelled. */
  readonly prompts: readonly string[];
}

/** Formats a log entry as JSON for viewers. The payload is passed on verbatim. */
export function entryText(sessionId: string, entry: LogEntry): string {
  const { version, sequence, createdAt, sender, payload } = entry;
  const head = JSON.stringify({ version, sessionId, sequence, createdAt, sender });
  return `${head.slice(0, -1)},"payload":${payload}}`;
}
