import type { InboxEntry, InboxTask } from "../../contract.ts";

/** The page of a task, at the session that an entry is about. */
export function taskLink({ id, session }: Pick<InboxTask, "id" | "session">) {
  return {
    to: "/tasks/$taskId",
    params: { taskId: id },
    search: session === undefined ? {} : { session: session.id },
  } as const;
}

/** Where an entry leads: its task, its repository, or the page about billing. */
export function entryLink({ task, item }: Pick<InboxEntry, "task" | "item">) {
  if (task !== undefined) return taskLink(task);
  if (item === undefined) return { to: "/settings/billing" } as const;
  if (item.taskId !== undefined) return taskLink({ id: item.taskId });
  return { to: "/repositories/$repositoryId", params: { repositoryId: item.repositoryId } } as const;
}

/** What that link says. */
export function linkLabel({ task, item }: Pick<InboxEntry, "task" | "item">): string {
  if (task !== undefined || item?.taskId !== undefined) return "Open task";
  return item === undefined ? "Open billing" : "Open repository";
}
