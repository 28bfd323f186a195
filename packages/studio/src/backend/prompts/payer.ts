import { organizationOfId } from "../../access/organization-ids.ts";
import { operator } from "../../access/person.ts";
import type { TaskStarter } from "../../contract/task-list.ts";
import type { BackendHost } from "../host.ts";
import type { PromptRow } from "./prompt-row.ts";

/** Who the operator is in lists of people. */
export const operatorName: TaskStarter = { id: operator.id, name: "Operator" };

/** Whose usage a prompt is: of one that nobody sent, the task's. */
export function payerOf(
  { group, startedBy }: { readonly group?: string; readonly startedBy?: TaskStarter },
  { by }: PromptRow,
): TaskStarter {
  if (by !== undefined) return { ...by };
  if (group !== undefined) return { id: `group/${group}`, name: `Group ${group}` };
  return startedBy === undefined ? operatorName : { ...startedBy };
}

/** Returns whose usage a prompt of this person will be. Throws `budget.exceeded`. */
export async function requireBudget(
  host: Pick<BackendHost, "requireBudget">,
  { id: task, repository }: { readonly id: string; readonly repository: string },
  { startedBy }: { readonly startedBy?: TaskStarter },
): Promise<TaskStarter> {
  const by = startedBy ?? operatorName;
  await host.requireBudget({ person: by.id, repository, task }, organizationOfId(task));
  return by;
}
