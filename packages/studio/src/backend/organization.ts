import { actor, event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type {
  AgentChoice,
  CreateTaskInput,
  GroupView,
  RepositoryCheck,
  RepositoryEnvironment,
  SystemStatus,
  TaskSummary,
} from "../contract.ts";
import type { OpenPreparation } from "../environments/environment-backend.ts";
import {
  addPreparation,
  openPreparations,
  removePreparation,
  withLatest,
} from "./environment/preparation-index.ts";
import type { BackendHost } from "./host.ts";
import {
  beginTask,
  createTaskActors,
  type GroupTaskNames,
  initialSummary,
  validateTask,
} from "./new-task.ts";
import { activeRows, listRows, readRow, type TaskChange, writeRow } from "./task-index.ts";
import { requireText } from "./validate.ts";

export interface OrganizationState {
  version: 1;
  tasks: number;
}

export interface OrganizationVars {
  /** Tail of the mutex that serializes read-modify-write changes of rows. */
  writeTail: Promise<unknown>;
}

function serialize<Result>(vars: OrganizationVars, change: () => Promise<Result>): Promise<Result> {
  const turn = vars.writeTail.then(change);
  vars.writeTail = turn.catch(() => undefined);
  return turn;
}

/** The root actor: an index of all tasks, so that listing them wakes none. */
export function createOrganizationActor(host: BackendHost) {
  return actor({
    createState: (c): OrganizationState => {
      if (c.key.length === 1 && c.key[0] === "local") return { version: 1, tasks: 0 };
      const message = "There is no such organization";
      throw new HoldfastError("organization", "not_found", message, { statusCode: 404 });
    },
    createVars: (): OrganizationVars => ({ writeTail: Promise.resolve() }),
    events: { taskChanged: event<TaskSummary>() },
    options: { name: "Organization" },
    actions: {
      async createTask(c, input: CreateTaskInput): Promise<TaskSummary> {
        const task = await validateTask(host, input);
        const summary = initialSummary(task);
        await writeRow(c.kv, { summary, revision: 0, wake: 0, active: true, input: task });
        c.state.tasks += 1;
        c.broadcast("taskChanged", summary);
        host.creating(task.taskId);
        await createTaskActors(host, c, task);
        await beginTask(c, task.taskId);
        return summary;
      },

      listTasks: (c, query?: { readonly limit?: number; readonly cursor?: string }) => listRows(c.kv, query),

      async checkRepository(_c, path: string): Promise<RepositoryCheck> {
        return host.checkRepository(requirePath(path));
      },

      /** Lists the configured groups, each with its newest events. */
      listGroups: (c): Promise<readonly GroupView[]> =>
        Promise.all(
          host.groups
            .list()
            .map(
              ({ name }): Promise<GroupView> =>
                c.client().getOrCreate("group", [name]).action({ name: "get", args: [] }),
            ),
        ),

      async environment(c, path: string): Promise<RepositoryEnvironment> {
        return withLatest(c, await host.environments.inspect(requirePath(path)));
      },

      async prepareEnvironment(
        c,
        path: string,
        options?: { readonly again?: boolean },
      ): Promise<RepositoryEnvironment> {
        host.requireJails();
        await host.environments.prepare(requirePath(path), options?.again === true);
        return withLatest(c, await host.environments.inspect(path));
      },

      listAgents: (_c): Promise<readonly AgentChoice[]> => host.listAgents(),

      async system(c): Promise<SystemStatus> {
        const active = await activeRows(c.kv);
        return host.system({ total: c.state.tasks, active: active.length });
      },

      internal: {
        preparationStarted: (c, preparation: OpenPreparation): Promise<void> =>
          addPreparation(c.kv, preparation),

        preparationEnded: (c, id: string): Promise<void> => removePreparation(c.kv, id),

        openPreparations: (c, place: string): Promise<readonly OpenPreparation[]> =>
          openPreparations(c.kv, place),

        /** Creates a group's task unless it exists. */
        async createGroupTask(c, input: CreateTaskInput, names: GroupTaskNames): Promise<void> {
          const present = await readRow(c.kv, names.taskId);
          const task = present?.input ?? (await validateTask(host, { ...input, fromHead: true }, names));
          if (present === undefined) {
            const summary = initialSummary(task);
            await writeRow(c.kv, { summary, revision: 0, wake: 0, active: true, input: task });
            c.state.tasks += 1;
            c.broadcast("taskChanged", summary);
          }
          // The row drops its input once the task has reported, so the task exists.
          if (present === undefined || present.input !== undefined) await createTaskActors(host, c, task);
          await beginTask(c, names.taskId);
        },

        taskChanged: (c, change: TaskChange): Promise<void> =>
          serialize(c.vars, async () => {
            const row = await readRow(c.kv, change.summary.id);
            if (row === undefined || change.revision <= row.revision) return;
            const active = change.active || row.wake !== change.wake;
            const { summary, revision } = change;
            await writeRow(c.kv, { summary, revision, wake: row.wake, active });
            c.broadcast("taskChanged", summary);
          }),

        /**
         * Marks a task active and returns its new wake count. Only a task that presents this count can become
         * inactive.
         */
        wake: (c, taskId: string): Promise<number> =>
          serialize(c.vars, async () => {
            const row = await readRow(c.kv, taskId);
            if (row === undefined) {
              throw new HoldfastError("task", "not_found", "There is no such task", { statusCode: 404 });
            }
            await writeRow(c.kv, { ...row, wake: row.wake + 1, active: true });
            return row.wake + 1;
          }),

        /** Returns the tasks that were active when the last process ended. Creates those whose actors are missing. */
        async recover(c): Promise<readonly string[]> {
          const rows = await activeRows(c.kv);
          for (const { input } of rows) if (input !== undefined) await createTaskActors(host, c, input);
          return rows.map((row) => row.summary.id);
        },
      },
    },
  });
}

function requirePath(path: unknown): string {
  requireText(path, "path", 4_096);
  return path;
}
