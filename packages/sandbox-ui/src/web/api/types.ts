/** Responses of the server's session routes, under shorter names; see docs/reference/sandbox-sessions.md. */
import type { ProcessInfo, RemoteEvent, RemoteEventPage, RemotePermission } from "@holdfast/sandbox-client";

export type {
  NewRemoteSession as NewSession,
  RemoteEvent as SessionEvent,
  RemoteEventPage as EventPage,
  RemotePermission as Permission,
  RemotePrompt as Prompt,
  RemoteSession as Session,
  RemoteSessionStatus as SessionStatus,
} from "@holdfast/sandbox-client";

export type Sender = RemoteEvent["sender"];
export type Gap = NonNullable<RemoteEventPage["gap"]>;
export type PermissionState = RemotePermission["state"];
export type PermissionOption = RemotePermission["options"][number];

/** A process, with the fields that this server adds to the peer's. */
export interface Process extends ProcessInfo {
  readonly name?: string | null;
  readonly restartAtMs?: number | null;
  readonly restarts?: number;
  readonly survivor?: boolean;
}
