import type { RepositorySource, RepositorySummary } from "./contract.ts";
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
  };
}

export function summaryOf(state: RepositoryState, counts: RepositoryCounts): RepositorySummary {
  const { id, source, status, syncedAt, retryAt, error } = state;
  const isForge = source.kind === "forge";
  return {
    ...{ id, name: isForge ? source.fullName : source.path, kind: isForge ? source.forge : source.kind },
    ...{ status, syncedAt, retryAt, error: error === null ? null : { ...error }, ...counts },
  };
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
