import type { InboxEntry, InboxTask } from "../../contract.ts";

/** The page of a task, at the session that an entry is about. */
export function taskLink({ id, session }: InboxTask) {
  return {
    to: "/tasks/$taskId",
    params: { taskId: id },
    search: session === undefined ? {} : { session: session.id },
  } as const;
}

/** Where an entry leads: its task, or the page about billing. */
export function entryLink({ task }: Pick<InboxEntry, "task">) {
  return task === undefined ? ({ to: "/settings/billing" } as const) : taskLink(task);
}
