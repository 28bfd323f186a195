import type { InfiniteData } from "@tanstack/react-query";
import type { TaskSummary, TaskView } from "../../contract.ts";

/**
 * Answers and events overtake each other on their way to the page. These functions decide what stays,
 * so that it does not depend on which of them came last.
 */
export interface TaskPage {
  readonly tasks: readonly TaskSummary[];
  readonly cursor?: string;
}

export type TaskPages = InfiniteData<TaskPage, string | undefined>;

/** The view with the higher revision. */
export function keepNewerView(known: TaskView | undefined, next: TaskView): TaskView {
  return known !== undefined && known.revision > next.revision ? known : next;
}

/** The next list, with what is known of a task where that is newer. */
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

/** The list with this task in its place; a new one comes first. */
export function putTask(pages: TaskPages, task: TaskSummary): TaskPages {
  const known = pages.pages.some((page) => page.tasks.some(({ id }) => id === task.id));
  return {
    ...pages,
    pages: pages.pages.map((page, index) => {
      if (!known && index === 0) return { ...page, tasks: [task, ...page.tasks] };
      return { ...page, tasks: page.tasks.map((each) => (each.id === task.id ? task : each)) };
    }),
  };
}
