import { actor, event } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { localOrganization, organizationOfKey } from "../access/organization-ids.ts";
import type {
  AgentChoice,
  CreateTaskInput,
  GroupView,
  Me,
  OrganizationEvents,
  SystemStatus,
  TaskSummary,
} from "../contract.ts";
import { requirePlan } from "./billing/require.ts";
import { environmentActions } from "./environment/organization-actions.ts";
import { preparationInternals } from "./environment/preparation-index.ts";
import { itemOf, noteOpened } from "./forks/opened-items.ts";
import { startOf } from "./forks/start-of.ts";
import type { BackendHost } from "./host.ts";
import {
  beginTask,
  createTaskActors,
  type GroupTaskNames,
  initialSummary,
  validateTask,
} from "./new-task.ts";
import { contentsInternals } from "./organizations/contents.ts";
import { requireOrganization } from "./organizations/existing.ts";
import { portableInternals } from "./organizations/portable.ts";
import { systemFor } from "./organizations/system.ts";
import { folderActions } from "./prompts/actions.ts";
import { withAttachments } from "./prompts/bind-attachments.ts";
import { repositoryActions, repositoryEvents, repositoryInternals } from "./repositories/actions.ts";
import { findConnected } from "./repositories/connections.ts";
import { scheduledTaskInternals } from "./schedules/tasks.ts";
import { onParent } from "./stacks/start.ts";
import { connStateOf, type PersonConnState, starterOf, taskListActions } from "./tasks/actions.ts";
import { addTask, changeTask } from "./tasks/add.ts";
import { moveEarlierRows } from "./tasks/from-kv.ts";
import { taskListInternals } from "./tasks/internals.ts";
import { TaskRemoval } from "./tasks/removal.ts";
import { activeRows, countActive, readRow, requireListed, type TaskChange, wakeRow } from "./tasks/rows.ts";
import { migrateTaskTables } from "./tasks/schema.ts";
import { savedViewActions } from "./tasks/views.ts";

export interface OrganizationState {
  version: 1;
  tasks: number;
  /** Bytes of all text that a search finds. Absent in states of earlier versions. */
  textBytes?: number;
}

/** The root actor: a list of all tasks, so that listing and searching them wakes none. */
export function createOrganizationActor(host: BackendHost) {
  const removal = new TaskRemoval(host);
  return actor({
    async createState(c): Promise<OrganizationState> {
      await requireOrganization(c);
      return { version: 1, tasks: 0 };
    },
    createConnState: async (c): Promise<PersonConnState> => connStateOf(await host.personOf(c.request)),
    db: db({ onMigrate: migrateTaskTables }),
    async onWake(c): Promise<void> {
      c.state.textBytes = (c.state.textBytes ?? 0) + (await moveEarlierRows(c.db, c.kv));
    },
    events: {
      taskChanged: event<OrganizationEvents["taskChanged"]>(),
      taskDeleted: event<OrganizationEvents["taskDeleted"]>(),
      seenChanged: event<OrganizationEvents["seenChanged"]>(),
      viewsChanged: event<OrganizationEvents["viewsChanged"]>(),
      peopleChanged: event<OrganizationEvents["peopleChanged"]>(),
      ...repositoryEvents,
    },
    options: { name: "Organization", actionTimeout: 180_000 },
    actions: {
      me: (c): Me => ({ id: c.conn.state.person }),

      async createTask(c, given: CreateTaskInput): Promise<TaskSummary> {
        const { input, below } = await onParent(c, given);
        const [connectedTo] = await Promise.all([findConnected(c, input?.repository), requirePlan(host, c)]);
        const item = itemOf(input);
        const valid = await validateTask(host, organizationOfKey(c.key), input, {
          connectedTo,
          startsFrom: await startOf(c, connectedTo, input?.pullRequest),
          ...starterOf(c.conn.state),
          ...below,
        });
        const task = await withAttachments(c, valid, c.conn.state.person, input.attachments);
        await addTask(c, task);
        host.creating(task.taskId);
        await createTaskActors(host, c, task);
        await beginTask(c, task.taskId);
        await noteOpened(c, host.ports.log, connectedTo, item, task.taskId);
        return initialSummary(task);
      },

      ...taskListActions(host, removal),

      ...savedViewActions,

      ...folderActions(host),

      ...repositoryActions(host),

      /** Lists the configured groups, each with its newest events. */
      listGroups: (c): Promise<readonly GroupView[]> =>
        Promise.all(
          // They are configured on the machine, for its first organization.
          (organizationOfKey(c.key) === localOrganization ? host.groups.list() : []).map(
            ({ name }): Promise<GroupView> =>
              c.client().getOrCreate("group", [name]).action({ name: "get", args: [] }),
          ),
        ),

      ...environmentActions(host),

      listAgents: (_c): Promise<readonly AgentChoice[]> => host.listAgents(),

      system: (c): Promise<SystemStatus> =>
        systemFor(host, c, { total: c.state.tasks, active: countActive(c.db) }),

      internal: {
        peopleChanged: (c): void => c.broadcast("peopleChanged", null),

        ...preparationInternals,

        ...{ ...repositoryInternals(host), ...scheduledTaskInternals(host) },

        /** Creates a group's task unless it exists. */
        async createGroupTask(c, input: CreateTaskInput, names: GroupTaskNames): Promise<void> {
          const present = readRow(c.db, names.taskId);
          const task =
            present?.input ??
            (await validateTask(host, organizationOfKey(c.key), { ...input, fromHead: true }, names));
          if (present === undefined) await addTask(c, task);
          // The row drops its input once the task has reported, so the task exists.
          if (present === undefined || present.input !== undefined) await createTaskActors(host, c, task);
          await beginTask(c, names.taskId);
        },

        async taskChanged(c, change: TaskChange): Promise<void> {
          const summary = await changeTask(c, change);
          if (summary !== undefined) c.broadcast("taskChanged", summary);
        },

        ...taskListInternals(host),

        ...{ ...contentsInternals(host, removal), ...portableInternals(host) },

        /** Notes that a task becomes active, and restores an archived one. Throws `task.not_found`. */
        wake: async (c, taskId: string): Promise<number> => {
          const archived = readRow(c.db, taskId)?.summary.archivedAt !== undefined;
          const wake = await wakeRow(c.db, taskId);
          if (archived) c.broadcast("taskChanged", requireListed(c.db, taskId).summary);
          return wake;
        },

        /** Returns the tasks that were active when the last process ended. Creates those whose actors are missing. */
        async recover(c): Promise<readonly string[]> {
          await removal.recover(c);
          const rows = activeRows(c.db).filter(({ isDeleting }) => !isDeleting);
          for (const { input } of rows) if (input !== undefined) await createTaskActors(host, c, input);
          return rows.map((row) => row.summary.id);
        },
      },
    },
  });
}
