import type {
  SavedView,
  TaskFilter,
  TaskGrouping,
  TaskQuery,
  TaskStatus,
  TaskSummary,
} from "../../../contract.ts";
import { groupLabelOf } from "../../../labels/group-label.ts";
import { statusOrder, taskStatuses } from "../../../task-status.ts";

/** What the list shows, as it stands in the address. */
export interface TaskSearch {
  readonly q?: string;
  readonly repository?: string;
  readonly agent?: string;
  /** Id of a person. */
  readonly owner?: string;
  readonly label?: string;
  readonly status?: TaskStatus;
  readonly unread?: true;
  readonly archived?: true;
  readonly group?: TaskGrouping;
  /** Of what waits at forges: which alone the board shows. */
  readonly items?: "pull-request" | "issue";
  /** Absent: as this browser showed the tasks last. */
  readonly view?: SavedView["kind"];
}

const groupings = [
  "repository",
  "agent",
  "status",
  "owner",
  "label",
] as const satisfies readonly TaskGrouping[];

/** Reads the address, and leaves out what is no part of a filter. */
export function readTaskSearch(search: Readonly<Record<string, unknown>>): TaskSearch {
  const { q, repository, agent, owner, label, status, unread, archived, group, items, view } = search;
  const text = (value: unknown) => (typeof value === "number" ? String(value) : value);
  const isText = (value: unknown) => typeof value === "string" && value !== "" && value.length <= 4_096;
  const knownStatus = taskStatuses.find((each) => each === status);
  const knownGroup = groupings.find((each) => each === group);
  return {
    ...(isText(text(q)) ? { q: String(q).slice(0, 200) } : {}),
    ...(isText(text(repository)) ? { repository: String(repository) } : {}),
    ...(isText(text(agent)) ? { agent: String(agent) } : {}),
    ...(isText(text(owner)) ? { owner: String(owner) } : {}),
    ...(isText(text(label)) ? { label: String(label) } : {}),
    ...(knownStatus === undefined ? {} : { status: knownStatus }),
    ...(unread === true ? { unread } : {}),
    ...(archived === true ? { archived } : {}),
    ...(knownGroup === undefined ? {} : { group: knownGroup }),
    ...(items === "pull-request" || items === "issue" ? { items } : {}),
    ...(view === "list" || view === "board" ? { view } : {}),
  };
}

/** True if the address narrows the list, so that it may be empty although there are tasks. */
export function isNarrowed({ q, repository, agent, owner, label, status, unread }: TaskSearch): boolean {
  return [q, repository, agent, owner, label, status, unread].some((value) => value !== undefined);
}

export function filterOf(search: TaskSearch): TaskFilter {
  const { q, repository, agent, owner, label, status, unread, archived } = search;
  return {
    ...(q === undefined ? {} : { search: q }),
    ...(repository === undefined ? {} : { repositories: [repository] }),
    ...(agent === undefined ? {} : { agents: [agent] }),
    ...(owner === undefined ? {} : { owners: [owner] }),
    ...(label === undefined ? {} : { labels: [label] }),
    ...(status === undefined ? {} : { statuses: [status] }),
    ...(unread === undefined ? {} : { unread }),
    ...(archived === undefined ? {} : { archived }),
  };
}

/** The search of a saved view. A view of another client may filter by several values, of which the page shows one. */
export function searchOf({ filter, group, kind }: SavedView): TaskSearch {
  return readTaskSearch({
    ...{ q: filter.search, repository: filter.repositories?.[0], agent: filter.agents?.[0] },
    ...{ owner: filter.owners?.[0], label: filter.labels?.[0] },
    ...{ status: filter.statuses?.[0], unread: filter.unread, archived: filter.archived, group, view: kind },
  });
}

/** True if two addresses show the same tasks in the same way. */
export function isSameSearch(a: TaskSearch, b: TaskSearch): boolean {
  const partsOf = ({
    q,
    repository,
    agent,
    owner,
    label,
    status,
    unread,
    archived,
    group,
    view,
  }: TaskSearch) =>
    JSON.stringify([q, repository, agent, owner, label, status, unread, archived, group, view]);
  return partsOf(a) === partsOf(b);
}

/** The value by which a task is grouped: of its owner, the id, which is "" for nobody; of its labels, the first one. */
export function groupOf(task: TaskSummary, group: TaskGrouping): string {
  if (group === "label") return groupLabelOf(task);
  return group === "owner" ? (task.owner?.id ?? "") : task[group];
}

/** Order of the list: by group, then newest first. The server orders in the same way. */
export function compareTasks(a: TaskSummary, b: TaskSummary, group: TaskGrouping | undefined): number {
  if (group === "status" && a.status !== b.status) return statusOrder(a.status) - statusOrder(b.status);
  if (group !== undefined && group !== "status") {
    const [first, second] = [groupOf(a, group), groupOf(b, group)];
    if (first !== second) return first < second ? -1 : 1;
  }
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

/**
 * Whether a task belongs to the list of a query. Undefined if only the server can tell: what a person has read, and
 * where words are found.
 */
export function isListed(task: TaskSummary, query: TaskQuery): boolean | undefined {
  const { repositories, agents, statuses, owners, labels, archived, unread, search } = query;
  if ((task.archivedAt !== undefined) !== (archived === true)) return false;
  const has = (allowed: readonly string[] | undefined, value: string) =>
    allowed === undefined || allowed.includes(value);
  if (!has(repositories, task.repository) || !has(agents, task.agent) || !has(statuses, task.status))
    return false;
  if (!has(owners, task.owner?.id ?? "")) return false;
  if (labels !== undefined && task.labels?.some((label) => labels.includes(label)) !== true) return false;
  return unread === true || (search !== undefined && search.trim() !== "") ? undefined : true;
}
