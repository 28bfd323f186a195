/** Open pull requests and issues of the connected repositories that no task was started on. */
import { isErrorCode } from "@holdfast/core";
import { queryOptions, useQueries, useQuery } from "@tanstack/react-query";
import type { RepositorySummary } from "../../../backend/repositories/contract.ts";
import type { Issue } from "../../../forges/forge.ts";
import { useApi } from "../../shared/context.ts";
import { isOfForge, repositoriesQuery } from "../../shared/new-task/repositories.ts";
import type { StudioApi } from "../../shared/port.ts";
import type { TaskSearch } from "../../shared/task-list/task-filter.ts";
import { forgeItemsKey } from "../queries.ts";

export interface ForgeCard {
  readonly id: string;
  readonly repository: Pick<RepositorySummary, "id" | "name">;
  readonly kind: "pull-request" | "issue";
  readonly number: number;
  readonly title: string;
  readonly author: string;
  readonly labels: readonly string[];
  readonly updatedAt: number;
  readonly issue?: Issue;
}

/** Repositories that are asked, and items of each. */
const maxRepositories = 12;
const maxItems = 50;
/** Issues are read from the forge: not at each look at the board. */
const issuesStaleMs = 60_000;

function pullsQuery(api: StudioApi, { id, openPullRequests, syncedAt }: RepositorySummary) {
  return queryOptions({
    // What has changed since is read with the next summary.
    queryKey: [forgeItemsKey, id, "pulls", openPullRequests, syncedAt],
    queryFn: () => api.repository(id).pullRequests({ state: "open", limit: maxItems, withoutTask: true }),
    enabled: openPullRequests > 0,
    // Others start tasks too; to ask again reads rows.
    staleTime: 0,
    retry: false,
  });
}

function issuesQuery(api: StudioApi, { id }: RepositorySummary) {
  return queryOptions({
    queryKey: [forgeItemsKey, id, "issues"],
    queryFn: async () => (await api.repository(id).issues(1, true)).items.slice(0, maxItems),
    staleTime: issuesStaleMs,
    retry: false,
  });
}

/** True if the filter may have items of forges: they have no agent, no owner and no state. */
export function mayHaveItems({ agent, owner, status, unread, archived }: TaskSearch): boolean {
  return [agent, owner, status, unread, archived].every((value) => value === undefined);
}

export interface ForgeCards {
  readonly cards: readonly ForgeCard[];
  readonly isPending: boolean;
  readonly error: Error | null;
  /** False without a repository of a forge: there is nothing to show. */
  readonly hasForge: boolean;
}

/** The items that fit the search, the latest first. */
export function useForgeCards(search: TaskSearch): ForgeCards {
  const api = useApi();
  const all = (useQuery(repositoriesQuery(api)).data ?? []).filter(isOfForge);
  const asked = all
    .filter(({ name }) => search.repository === undefined || search.repository === name)
    .slice(0, maxRepositories);
  const pulls = useQueries({ queries: asked.map((each) => pullsQuery(api, each)) });
  const issues = useQueries({ queries: asked.map((each) => issuesQuery(api, each)) });
  const words = (search.q ?? "").toLowerCase().split(/\s+/);
  const cards = asked
    .flatMap((repository, index): ForgeCard[] => [
      ...(pulls[index]?.data ?? []).map((pull) => cardOf(repository, "pull-request", pull)),
      ...(issues[index]?.data ?? []).map((issue) => ({ ...cardOf(repository, "issue", issue), issue })),
    ])
    .filter(({ kind }) => search.items === undefined || search.items === kind)
    .filter(({ labels }) => search.label === undefined || labels.includes(search.label))
    .filter((card) => words.every((word) => textOf(card).includes(word)))
    .toSorted((a, b) => b.updatedAt - a.updatedAt);
  const queries = [...pulls, ...issues];
  return {
    cards,
    isPending: cards.length === 0 && queries.some(({ isLoading }) => isLoading),
    // Viewers see pull requests alone.
    error:
      queries.find(({ error }) => error !== null && !isErrorCode(error, "auth", "forbidden"))?.error ?? null,
    hasForge: all.length > 0,
  };
}

function cardOf(
  { id, name }: RepositorySummary,
  kind: ForgeCard["kind"],
  item: Pick<ForgeCard, "number" | "title" | "author" | "labels" | "updatedAt">,
): ForgeCard {
  const { number, title, author, labels, updatedAt } = item;
  return {
    id: `${id}/${kind}/${number}`,
    repository: { id, name },
    kind,
    number,
    title,
    author,
    labels,
    updatedAt,
  };
}

function textOf({ number, title, author, labels, repository }: ForgeCard): string {
  return `#${number} ${title} ${author} ${labels.join(" ")} ${repository.name}`.toLowerCase();
}
