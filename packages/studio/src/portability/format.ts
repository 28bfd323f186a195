import type { RepositorySource } from "../backend/repositories/contract.ts";
import type { TaskState } from "../backend/task-state.ts";
import type { SavedView, SessionEvent } from "../contract.ts";

/** What an archive says about itself, in its first entry. A published version is never changed. */
export interface ArchiveManifest {
  readonly format: "holdfast-organization";
  readonly version: 2;
  readonly exportedAt: number;
  readonly organization: { readonly id: string; readonly name: string };
}

/** Version 2 has the files of prompts, which version 1 leaves out. */
export const archiveFormat = { format: "holdfast-organization", version: 2 } as const;

/** The versions that are imported. */
export const readVersions: readonly unknown[] = [1, archiveFormat.version];

/** Names of the entries. Repositories come before what names them, and a task before its files and its sessions. */
export const entryNames = {
  manifest: "manifest.json",
  members: "members.json",
  repositories: "repositories.json",
  schedules: "schedules.json",
  budgets: "budgets.json",
  prices: "prices.json",
  notificationDefaults: "notification-defaults.json",
  views: "views.json",
  policy: "policy.json",
} as const;

export const taskEntry = /^tasks\/([\w-]{1,80})\.json$/;
/** A piece of a file of a prompt, in base64. */
export const attachmentEntry = /^attachments\/([\w-]{1,80})\/(\d{1,3})\.json$/;
export const sessionEntry = /^sessions\/([\w-]{1,80})\/\d{1,15}\.json$/;

/** A repository, without its secrets. */
export interface PortableRepository {
  readonly id: string;
  readonly name: string;
  readonly source: RepositorySource;
}

/** A task, without what only works on its machine: its files, its agent, open questions. */
export interface PortableTask {
  readonly state: TaskState;
  readonly archivedAt?: number;
}

export interface PortableViews {
  readonly person: string;
  readonly views: readonly SavedView[];
}

export type PortableEvents = readonly SessionEvent[];

/** The state of a task as it is exported: at rest, and with no name of a file, a secret or a process. */
export function portableState(state: TaskState): TaskState {
  const {
    version,
    id,
    title,
    repository,
    connected,
    unsafe,
    startedBy,
    createdAt,
    updatedAt,
    people,
    owner,
    labels,
  } = state;
  return JSON.parse(
    JSON.stringify({
      ...{
        version,
        id,
        title,
        repository,
        unsafe,
        startedBy,
        createdAt,
        updatedAt,
        people,
        owner,
        labels,
      },
      ...(connected === undefined ? {} : { connected: { id: connected.id, branch: connected.branch } }),
      ...{ revision: 1, wake: 0, hasBegun: true },
      ...portableSession(state),
      sessions: state.sessions?.map((session) => ({
        ...portableSession(session),
        createdAt: session.createdAt,
      })),
    }),
  ) as TaskState;
}

function portableSession(session: Pick<TaskState, keyof TaskState & SessionKeys>) {
  const { sessionId, name, agent, status, error, prompts, usage, options } = session;
  const { attentionAt, promptedAt, endedAt, closedAt } = session;
  const isAtRest = status === "idle" || status === "failed" || status === "stopped";
  return {
    ...{ sessionId, name, agent, error, usage, options, attentionAt, promptedAt, endedAt, closedAt },
    status: isAtRest ? status : "stopped",
    prompts: prompts.map(({ id, text, state, attempts, by, attachments }) => ({
      ...{ id, text, attempts, by, attachments },
      state: state === "queued" || state === "sent" ? "cancelled" : state,
    })),
    ...{ approvals: [], settled: [], stopping: false },
  };
}

type SessionKeys =
  | "sessionId"
  | "name"
  | "agent"
  | "status"
  | "error"
  | "prompts"
  | "usage"
  | "options"
  | "attentionAt"
  | "promptedAt"
  | "endedAt"
  | "closedAt";
