import { hasAgent } from "../../task-status.ts";
import type { BackendHost } from "../host.ts";
import type { ListContext } from "./actions.ts";
import { type AddContext, addTaskText } from "./add.ts";
import { archiveRow, countActive, readRow, titlesOf } from "./rows.ts";
import type { TextPush } from "./text.ts";

/** The actions of the organization about its list of tasks for the actors of tasks. */
export function taskListInternals(host: Pick<BackendHost, "ports">) {
  return {
    countActive: (c: Pick<ListContext, "db">): number => countActive(c.db),

    taskTitles: (c: Pick<ListContext, "db">, ids: readonly string[]): Readonly<Record<string, string>> =>
      titlesOf(c.db, ids),

    addText: (c: AddContext, push: TextPush): Promise<number> => addTaskText(c, push),

    /** Archives a task whose pull request was merged. One that an agent works on stays. */
    async archiveMerged(c: ListContext, taskId: string): Promise<void> {
      const row = readRow(c.db, taskId);
      const isAway = row === undefined || row.isDeleting || row.summary.archivedAt !== undefined;
      if (isAway || row.active || hasAgent(row.summary)) return;
      c.broadcast("taskChanged", await archiveRow(c.db, taskId, host.ports.clock.now()));
    },
  };
}
