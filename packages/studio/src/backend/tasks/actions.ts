import { isHoldfastError } from "@holdfast/core";
import type {
  TaskCounts,
  TaskFilter,
  TaskListEvents,
  TaskOutcome,
  TaskPage,
  TaskQuery,
  TaskStarter,
  TaskStorage,
  TaskSummary,
} from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import type { TaskInput } from "../task-state.ts";
import { requireText } from "../validate.ts";
import { invalid, readTaskIds } from "./input.ts";
import { countTasks, listTasks } from "./list.ts";
import { markTasks } from "./marks.ts";
import type { RemovalContext, TaskRemoval } from "./removal.ts";
import { archiveRow, requireListed } from "./rows.ts";
import type { TaskDatabase } from "./schema.ts";

/** Whose a connection is. */
export interface PersonConnState {
  person: string;
  /** Who starts the tasks that it creates. Absent for the operator. */
  startedBy?: TaskStarter;
}

export function connStateOf({
  id,
  name,
  isOperator,
}: Awaited<ReturnType<BackendHost["personOf"]>>): PersonConnState {
  return { person: id, ...(isOperator ? {} : { startedBy: { id, name: name ?? id } }) };
}

/** Who starts a task, for its input. */
export function starterOf({
  person,
  startedBy,
}: PersonConnState): Pick<TaskInput, "createdBy" | "startedBy"> {
  return { createdBy: person, ...(startedBy === undefined ? {} : { startedBy }) };
}

/** A connection, and whose it is. */
interface PersonConn {
  readonly state: PersonConnState;
  readonly send: (name: "seenChanged", event: TaskListEvents["seenChanged"]) => void;
}

/** The part of the organization's context that is used here. */
export interface ListContext extends Omit<RemovalContext, "broadcast"> {
  readonly db: TaskDatabase;
  readonly conn: Pick<PersonConn, "state">;
  readonly conns: ReadonlyMap<string, PersonConn>;
  readonly broadcast: {
    (name: "taskChanged", summary: TaskSummary): void;
    (name: "taskDeleted", event: TaskListEvents["taskDeleted"]): void;
  };
}

type ListHost = Pick<BackendHost, "ports" | "audit">;

/** The actions of the organization about its list of tasks. */
export function taskListActions(host: ListHost, removal: TaskRemoval) {
  return {
    listTasks: (c: ListContext, query?: TaskQuery): TaskPage => listTasks(c.db, c.conn.state.person, query),

    countTasks: (c: ListContext, filter?: TaskFilter): TaskCounts =>
      countTasks(c.db, c.conn.state.person, filter),

    archiveTasks: (c: ListContext, taskIds: readonly string[]): Promise<readonly TaskOutcome[]> =>
      forEachTask(taskIds, async (id) =>
        c.broadcast("taskChanged", await archiveRow(c.db, id, host.ports.clock.now())),
      ),

    restoreTasks: (c: ListContext, taskIds: readonly string[]): Promise<readonly TaskOutcome[]> =>
      forEachTask(taskIds, async (id) => c.broadcast("taskChanged", await archiveRow(c.db, id, null))),

    async markTasks(c: ListContext, taskIds: readonly string[], as: "read" | "unread"): Promise<void> {
      const ids = readTaskIds(taskIds);
      if (as !== "read" && as !== "unread") throw invalid('`as` must be "read" or "unread"');
      const { person } = c.conn.state;
      const seen = await markTasks(c.db, person, ids, as);
      if (Object.keys(seen).length === 0) return;
      for (const conn of c.conns.values())
        if (conn.state.person === person) conn.send("seenChanged", { seen });
    },

    async taskStorage(c: ListContext, taskId: string): Promise<TaskStorage> {
      requireText(taskId, "taskId", 200);
      requireListed(c.db, taskId);
      return c.client().get("task", [taskId]).action({ name: "internal.storage", args: [] });
    },

    async deleteTask(c: ListContext, taskId: string): Promise<TaskStorage> {
      requireText(taskId, "taskId", 200);
      return removal.remove(c, taskId);
    },
  };
}

/** Does something to each task. What is refused for one is in its outcome, and does not affect the others. */
async function forEachTask(
  taskIds: unknown,
  change: (taskId: string) => Promise<void>,
): Promise<readonly TaskOutcome[]> {
  const outcomes: TaskOutcome[] = [];
  for (const taskId of readTaskIds(taskIds)) {
    try {
      await change(taskId);
      outcomes.push({ taskId });
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      const { group, code, message } = error;
      outcomes.push({ taskId, error: { group, code, message } });
    }
  }
  return outcomes;
}
