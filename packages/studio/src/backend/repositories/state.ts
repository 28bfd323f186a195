import { readSshAddress } from "../../forges/ssh-address.ts";
import type {
  FetchReport,
  MirrorView,
  RepositorySource,
  RepositorySummary,
  WebhookFailure,
} from "./contract.ts";
import type { RepositoryCounts } from "./rows.ts";

export interface RepositoryState {
  version: 1;
  id: string;
  organization: string;
  source: RepositorySource;
  status: RepositorySummary["status"];
  syncedAt: number | null;
  retryAt: number | null;
  error: RepositorySummary["error"];
  /** Failures in a row, for the backoff. */
  failures: number;
  /** True when a sync was asked for while one ran: another one follows. */
  isAskedAgain: boolean;
  /** Id of the scheduled run of the sync. */
  scheduled: string | null;
  /** The summary that the organization has, and its revision there; 0 when it has none. */
  reported: RepositorySummary | null;
  revision: number;
  /** The host's copy. Absent for a folder, and in states of earlier versions. */
  mirror?: MirrorView;
  /** Name of the secret that `setUpWebhook` made; before it, that of the source. */
  webhookSecret?: string;
  /** The address at which the forge reaches the Studio, once the webhook was set up. */
  studioUrl?: string;
  /** What the forge was told to send, by its number in the room of webhooks. Absent in states of earlier versions. */
  webhookVersion?: number;
  webhookDeliveredAt?: number;
  /** True to archive tasks whose pull request was merged. Absent in states of earlier versions. */
  archivesMerged?: boolean;
  webhookFailures?: readonly WebhookFailure[];
  /** Until when comments were read. Absent before the first complete sync, and where there are none. */
  commentsReadAt?: number;
}

/** What the organization gives to a new repository. */
export interface RepositoryInput {
  readonly id: string;
  readonly organization: string;
  readonly source: RepositorySource;
}

export function isRepositoryInput(value: unknown): value is RepositoryInput {
  return typeof value === "object" && value !== null && "source" in value && "organization" in value;
}

export function newRepositoryState({ id, organization, source }: RepositoryInput): RepositoryState {
  return {
    ...{ version: 1, id, organization, source, status: "syncing" },
    ...{ syncedAt: null, retryAt: null, error: null, failures: 0, isAskedAgain: false, scheduled: null },
    ...{ reported: null, revision: 0 },
    ...(source.kind === "folder" ? {} : { mirror: { status: "fetching" } }),
  };
}

export function summaryOf(state: RepositoryState, counts: RepositoryCounts): RepositorySummary {
  const { id, source, status, syncedAt, retryAt, error, mirror } = state;
  return {
    ...{ id, name: nameOf(source), kind: source.kind === "forge" ? source.forge : source.kind },
    ...{ status, syncedAt, retryAt, error: error === null ? null : { ...error }, ...counts },
    ...(mirror === undefined ? {} : { mirror: plainMirror(mirror) }),
  };
}

/** A copy whose objects are not those of the state. */
function plainMirror({ progress, error, ...rest }: MirrorView): MirrorView {
  return {
    ...rest,
    ...(progress === undefined ? {} : { progress: { ...progress } }),
    ...(error === undefined ? {} : { error: { ...error } }),
  };
}

/** The name of a repository for people, and that of its tasks. */
export function nameOf(source: RepositorySource): string {
  switch (source.kind) {
    case "folder":
      return source.path;
    case "forge":
      return source.fullName;
    case "git": {
      const ssh = readSshAddress(source.url);
      if (ssh !== undefined) return `${ssh.host}/${ssh.path}`;
      const { host, pathname } = new URL(source.url);
      return `${host}${pathname.replace(/\.git$/, "")}`;
    }
  }
}

/** The host's copy after a report about a fetch. What was known of an earlier one stays until the next is complete. */
export function mirrorAfter(before: MirrorView | undefined, report: FetchReport): MirrorView {
  const { fetchedAt, defaultBranch } = before ?? {};
  const known = {
    ...(fetchedAt === undefined ? {} : { fetchedAt }),
    ...(defaultBranch === undefined ? {} : { defaultBranch }),
  };
  const { status, ...rest } = report;
  if (status === "fetching") return { status, ...known, progress: rest as MirrorView["progress"] & object };
  return { status, ...known, ...rest };
}

/** The fields of `after` that differ from `before`; all of them when there is nothing before. */
export function changesOf(
  before: RepositorySummary | null,
  after: RepositorySummary,
): Partial<RepositorySummary> {
  if (before === null) return after;
  const isChanged = (key: string) =>
    JSON.stringify(after[key as keyof RepositorySummary]) !==
    JSON.stringify(before[key as keyof RepositorySummary]);
  return Object.fromEntries(Object.entries(after).filter(([key]) => isChanged(key)));
}
