/** Lists of tasks as the page keeps them: which tasks, in which order, and what changes do to them. */
import type { InfiniteData } from "@tanstack/react-query";
import type { TaskPage, TaskQuery, TaskSummary, TaskView } from "../../../contract.ts";
import { compareTasks, isListed } from "./task-filter.ts";

/** Responses and events arrive in any order. These functions decide which one is newer. */
export type TaskPages = InfiniteData<TaskPage, string | undefined>;

/** The view with the higher revision. */
export function keepNewerView(known: TaskView | undefined, next: TaskView): TaskView {
  return known !== undefined && known.revision > next.revision ? known : next;
}

/** The next list, with newer known versions of its tasks. */
export function keepNewerTasks(known: TaskPages | undefined, next: TaskPages): TaskPages {
  if (known === undefined) return next;
  const byId = new Map(known.pages.flatMap((page) => page.tasks).map((task) => [task.id, task]));
  const pages = next.pages.map((page) => ({
    ...page,
    tasks: page.tasks.map((task) => {
      const before = byId.get(task.id);
      return before !== undefined && before.updatedAt > task.updatedAt ? before : task;
    }),
  }));
  return { ...next, pages };
}

/**
 * The list of a query with this task, which may be new, changed, or no longer a part of it. A task after all loaded
 * ones is omitted, because it comes with its own page.
 */
export function upsertTask(list: TaskPages, task: TaskSummary, query: TaskQuery): TaskPages {
  const known = list.pages.flatMap((page) => page.tasks).find(({ id }) => id === task.id);
  const listed = isListed(task, query);
  if (listed === false) return known === undefined ? list : removeTask(list, task.id);
  if (known === undefined && listed === undefined) return list;
  const keepsPlace = known !== undefined && compareTasks(known, task, query.group) === 0;
  if (keepsPlace) return mapTasks(list, (tasks) => tasks.map((each) => (each.id === task.id ? task : each)));
  return insert(known === undefined ? list : removeTask(list, task.id), task, query);
}

function insert(list: TaskPages, task: TaskSummary, { group }: TaskQuery): TaskPages {
  const { pages } = list;
  const isAfter = (each: TaskSummary) => compareTasks(each, task, group) > 0;
  const before = pages.findIndex(({ tasks }) => tasks.some(isAfter));
  const isComplete = pages.at(-1)?.cursor === undefined;
  if (before < 0 && !isComplete) return list;
  const position = before < 0 ? pages.length - 1 : before;
  return {
    ...list,
    pages: pages.map((page, index) => {
      if (index !== position) return page;
      const earlier = page.tasks.filter((each) => !isAfter(each));
      return { ...page, tasks: [...earlier, task, ...page.tasks.slice(earlier.length)] };
    }),
  };
}

/** The list without this task. */
export function removeTask(list: TaskPages, taskId: string): TaskPages {
  return mapTasks(list, (tasks) =>
    tasks.some(({ id }) => id === taskId) ? tasks.filter(({ id }) => id !== taskId) : tasks,
  );
}

function mapTasks(
  list: TaskPages,
  change: (tasks: readonly TaskSummary[]) => readonly TaskSummary[],
): TaskPages {
  return { ...list, pages: list.pages.map((page) => ({ ...page, tasks: change(page.tasks) })) };
}

/** The list with new marks of what this person has seen. */
export function addSeen(list: TaskPages, seen: Readonly<Record<string, number>>): TaskPages {
  return { ...list, pages: list.pages.map((page) => ({ ...page, seen: { ...page.seen, ...seen } })) };
}

/** The marks of what this person has seen of the listed tasks. */
export function seenOf(list: Pick<TaskPages, "pages">): Readonly<Record<string, number>> {
  return Object.assign({}, ...list.pages.map((page) => page.seen)) as Record<string, number>;
}

/** True if the task has needed a person since this one has last seen it. */
export function isUnread(task: TaskSummary, seen: Readonly<Record<string, number>>): boolean {
  return (task.attentionAt ?? 0) > (seen[task.id] ?? 0);
}
