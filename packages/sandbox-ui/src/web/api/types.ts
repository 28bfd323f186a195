/** What the session routes of the server answer; see docs/reference/sandbox-sessions.md. */
import type { ProcessInfo } from "@holdfast/sandbox-client";

export type SessionStatus = "starting" | "idle" | "running" | "waiting" | "detached";

export interface Session {
  readonly id: string;
  readonly agent: string;
  readonly cwd: string;
  readonly title?: string;
  readonly origin: "session" | "acp";
  readonly status: SessionStatus;
  readonly agentSessionId?: string;
  readonly serverId?: string;
  readonly mode?: string;
  readonly model?: string;
  readonly thoughtLevel?: string;
  readonly modes?: unknown;
  readonly configOptions?: unknown;
  readonly parentId?: string;
  readonly recovery?: "resumed" | "loaded" | "replayed";
  readonly lastSequence: number;
  readonly pendingPermissions: number;
  readonly queuedPrompts: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type Sender = "client" | "agent" | "server";

export interface SessionEvent {
  readonly version: number;
  readonly sessionId: string;
  readonly sequence: number;
  readonly createdAt: number;
  readonly sender: Sender;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface Gap {
  readonly from: number;
  readonly to: number;
}

export interface EventPage {
  readonly events: readonly SessionEvent[];
  readonly lastSequence: number;
  readonly gap?: Gap;
}

export interface PermissionOption {
  readonly optionId: string;
  readonly name: string;
  readonly kind: string;
}

export type PermissionState = "pending" | "answered" | "expired" | "cancelled";

export interface Permission {
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

export interface Prompt {
  readonly id: string;
  readonly sessionId: string;
  readonly status: "queued" | "running" | "completed" | "failed" | "cancelled" | "interrupted";
}

export interface NewSession {
  readonly agent: string;
  readonly cwd?: string;
  readonly title?: string;
}

/** A process with what this server tells beyond the peer's. */
export interface Process extends ProcessInfo {
  readonly name?: string | null;
  readonly restartAtMs?: number | null;
  readonly restarts?: number;
  readonly survivor?: boolean;
}
