import { organizationOfKey } from "../../access/organization-ids.ts";
import type { CreateTaskInput } from "../../contract.ts";
import { requirePlan } from "../billing/require.ts";
import type { BillingContext } from "../billing/sync.ts";
import { startOf } from "../forks/start-of.ts";
import type { BackendHost } from "../host.ts";
import {
  type ActorCreator,
  beginTask,
  createTaskActors,
  type ScheduledTaskNames,
  validateTask,
} from "../new-task.ts";
import { type ConnectionsContext, findConnected } from "../repositories/connections.ts";
import { type AddContext, addTask } from "../tasks/add.ts";
import { readRow } from "../tasks/rows.ts";

type ScheduledContext = ActorCreator &
  AddContext &
  ConnectionsContext &
  Pick<BillingContext, "key" | "client">;

/** The internal actions of the organization that create the tasks of schedules. */
export function scheduledTaskInternals(host: BackendHost) {
  return {
    /** Throws what a task with this input would throw. */
    async checkScheduledTask(c: ScheduledContext, input: CreateTaskInput, person: string): Promise<void> {
      const connectedTo = await findConnected(c, input.repository);
      await validateTask(host, organizationOfKey(c.key), input, { connectedTo, createdBy: person });
    },

    /** Creates the task of a run unless it exists. */
    async createScheduledTask(
      c: ScheduledContext,
      input: CreateTaskInput,
      names: ScheduledTaskNames,
    ): Promise<void> {
      const present = readRow(c.db, names.taskId);
      const connectedTo = await findConnected(c, input.repository);
      const task =
        present?.input ??
        (await validateTask(host, organizationOfKey(c.key), input, {
          ...{ connectedTo, ...names },
          startsFrom: await startOf(c, connectedTo, input.pullRequest),
        }));
      if (present === undefined) {
        await requirePlan(host, c);
        await addTask(c, task);
      }
      host.creating(names.taskId);
      // The row drops its input once the task has reported, so the task exists.
      if (present === undefined || present.input !== undefined) await createTaskActors(host, c, task);
      await beginTask(c, names.taskId);
    },
  };
}
