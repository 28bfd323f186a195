import { Status, type StatusKind } from "@holdfast/web-parts";
import type { RepositorySummary } from "../../backend/repositories/contract.ts";

export const kindNames: Readonly<Record<RepositorySummary["kind"], string>> = {
  folder: "Folder",
  git: "Git server",
  github: "GitHub",
  gitlab: "GitLab",
  gitea: "Gitea",
};

/** State of a repository, for people: its copy, then its sync. */
export function stateOf({ status, mirror }: RepositorySummary): {
  readonly kind: StatusKind;
  readonly label: string;
} {
  if (mirror?.status === "fetching") {
    const { percent } = mirror.progress ?? {};
    return { kind: "running", label: percent === undefined ? "Fetching" : `Fetching ${percent}%` };
  }
  if (mirror?.status === "failed" || status === "failed") return { kind: "failed", label: "Does not work" };
  if (status === "syncing") return { kind: "running", label: "Syncing" };
  if (status === "waiting") return { kind: "waiting", label: "Waiting" };
  return { kind: "idle", label: "Up to date" };
}

export function RepositoryStatus({ repository }: { readonly repository: RepositorySummary }) {
  return <Status {...stateOf(repository)} />;
}

/** What does not work, in the words of the server. */
export function problemOf({ error, mirror }: RepositorySummary): string | undefined {
  return error?.message ?? mirror?.error?.message;
}

export function countText({ kind, branches, openPullRequests }: RepositorySummary): string {
  const branch = `${branches} ${branches === 1 ? "branch" : "branches"}`;
  if (kind === "folder" || kind === "git") return branch;
  return `${branch}, ${openPullRequests} open pull ${openPullRequests === 1 ? "request" : "requests"}`;
}
