import type { InfiniteData } from "@tanstack/react-query";
import type { TaskSummary, TaskView } from "../../contract.ts";

/** Responses and events arrive in any order. These functions decide which one is newer. */
export interface TaskPage {
  readonly tasks: readonly TaskSummary[];
  readonly cursor?: string;
}

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
 * The list with this task, ordered by id, and so by time. A task older than all loaded ones is omitted, because it
 * comes with its own page.
 */
export function upsertTask(list: TaskPages, task: TaskSummary): TaskPages {
  const { pages } = list;
  const known = pages.some(({ tasks }) => tasks.some(({ id }) => id === task.id));
  const before = pages.findIndex(({ tasks }) => tasks.some(({ id }) => id < task.id));
  const isComplete = pages.at(-1)?.cursor === undefined;
  if (!known && before < 0 && !isComplete) return list;
  const position = before < 0 ? pages.length - 1 : before;
  return {
    ...list,
    pages: pages.map((page, index) => {
      if (known) return { ...page, tasks: page.tasks.map((each) => (each.id === task.id ? task : each)) };
      if (index !== position) return page;
      const newer = page.tasks.filter(({ id }) => id > task.id);
      return { ...page, tasks: [...newer, task, ...page.tasks.slice(newer.length)] };
    }),
  };
}
