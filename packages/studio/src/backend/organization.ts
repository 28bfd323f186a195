import { actor, event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type {
  AgentChoice,
  CreateTaskInput,
  GroupView,
  RepositoryCheck,
  SystemStatus,
  TaskSummary,
} from "../contract.ts";
import type { BackendHost } from "./host.ts";
import { checkTask, firstSummary, type GroupTaskNames, makeTask } from "./new-task.ts";
import { activeRows, listRows, readRow, type TaskChange, writeRow } from "./task-index.ts";
import { requireText } from "./validate.ts";

export interface OrganizationState {
  version: 1;
  tasks: number;
}

export interface OrganizationVars {
  /** Changes of rows, one after the other: each reads a row and writes it back. */
  changing: Promise<unknown>;
}

function inTurn<Result>(vars: OrganizationVars, change: () => Promise<Result>): Promise<Result> {
  const turn = vars.changing.then(change);
  vars.changing = turn.catch(() => undefined);
  return turn;
}

/** The parent: the index of all tasks, so that a list wakes none of them. */
export function createOrganizationActor(host: BackendHost) {
  return actor({
    createState: (c): OrganizationState => {
      if (c.key.length === 1 && c.key[0] === "local") return { version: 1, tasks: 0 };
      const message = "There is no such organization";
      throw new HoldfastError("organization", "not_found", message, { statusCode: 404 });
    },
    createVars: (): OrganizationVars => ({ changing: Promise.resolve() }),
    events: { taskChanged: event<TaskSummary>() },
    options: { name: "Organization" },
    actions: {
      async createTask(c, input: CreateTaskInput): Promise<TaskSummary> {
        const task = await checkTask(host, input);
        const summary = firstSummary(task);
        await writeRow(c.kv, { summary, revision: 0, wake: 0, active: true, input: task });
        c.state.tasks += 1;
        c.broadcast("taskChanged", summary);
        await makeTask(host, c, task);
        host.begin(task.taskId);
        return summary;
      },

      listTasks: (c, query?: { readonly limit?: number; readonly cursor?: string }) => listRows(c.kv, query),

      async checkRepository(_c, path: string): Promise<RepositoryCheck> {
        requireText(path, "path", 4_096);
        return host.checkRepository(path);
      },

      /** The groups of the data directory, each with its newest events. */
      listGroups: (c): Promise<readonly GroupView[]> =>
        Promise.all(
          host.groups
            .list()
            .map(
              ({ name }): Promise<GroupView> =>
                c.client().getOrCreate("group", [name]).action({ name: "get", args: [] }),
            ),
        ),

      listAgents: (_c): Promise<readonly AgentChoice[]> => host.listAgents(),

      async system(c): Promise<SystemStatus> {
        const active = await activeRows(c.kv);
        return host.system({ total: c.state.tasks, active: active.length });
      },

      internal: {
        /** A task of a group, made where it is not there yet. */
        async createGroupTask(c, input: CreateTaskInput, names: GroupTaskNames): Promise<void> {
          const present = await readRow(c.kv, names.taskId);
          const task = present?.input ?? (await checkTask(host, { ...input, fromHead: true }, names));
          if (present === undefined) {
            const summary = firstSummary(task);
            await writeRow(c.kv, { summary, revision: 0, wake: 0, active: true, input: task });
            c.state.tasks += 1;
            c.broadcast("taskChanged", summary);
          }
          // Without an input in its row it has spoken already.
          if (present === undefined || present.input !== undefined) await makeTask(host, c, task);
          host.wake(names.taskId);
        },

        taskChanged: (c, change: TaskChange): Promise<void> =>
          inTurn(c.vars, async () => {
            const row = await readRow(c.kv, change.summary.id);
            if (row === undefined || change.revision <= row.revision) return;
            const active = change.active || row.wake !== change.wake;
            const { summary, revision } = change;
            await writeRow(c.kv, { summary, revision, wake: row.wake, active });
            c.broadcast("taskChanged", summary);
          }),

        /** Notes that the task is about to have work; returns the count that it must know to rest. */
        wake: (c, taskId: string): Promise<number> =>
          inTurn(c.vars, async () => {
            const row = await readRow(c.kv, taskId);
            if (row === undefined) {
              throw new HoldfastError("task", "not_found", "There is no such task", { statusCode: 404 });
            }
            await writeRow(c.kv, { ...row, wake: row.wake + 1, active: true });
            return row.wake + 1;
          }),

        /** The tasks that were active when the last process ended, each of them made for certain. */
        async recover(c): Promise<readonly string[]> {
          const rows = await activeRows(c.kv);
          for (const { input } of rows) if (input !== undefined) await makeTask(host, c, input);
          return rows.map((row) => row.summary.id);
        },
      },
    },
  });
}
