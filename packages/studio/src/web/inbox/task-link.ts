import type { InboxTask } from "../../contract.ts";

/** Where an entry leads: its task, at the session that it is about. */
export function taskLink({ id, session }: InboxTask) {
  return {
    to: "/tasks/$taskId",
    params: { taskId: id },
    search: session === undefined ? {} : { session: session.id },
  } as const;
}
