/** Tasks on top of others: each starts from the branch that the other one has published. */
import { HoldfastError } from "@holdfast/core";
import type { CreateTaskInput } from "../../contract.ts";
import type { TaskInput, TaskState } from "../task-state.ts";
import { requireListed } from "../tasks/rows.ts";
import type { TaskDatabase } from "../tasks/schema.ts";
import type { StackBase } from "./state.ts";

/** The part of an actor's context that asks another task. */
interface AskContext {
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/**
 * The input of a task on top of another one: in its repository, from its branch. Throws `task.invalid_input`,
 * `task.not_found`, `stack.not_published`, `stack.closed`.
 */
export async function onParent(
  c: AskContext & { readonly db: TaskDatabase },
  given: CreateTaskInput,
): Promise<{ readonly input: CreateTaskInput; readonly below: Pick<TaskInput, "below"> }> {
  const parent = readParent(given ?? {});
  if (parent === undefined) return { input: given, below: {} };
  requireListed(c.db, parent);
  const task = c.client().get("task", [parent]);
  const base = await task.action<StackBase>({ name: "internal.stackBase", args: [] });
  const input = { ...given, repository: base.repositoryId, branch: base.parent.branch };
  return { input, below: { below: base.parent } };
}

/** Throws `task.invalid_input` for anything but the id of a task alone. */
function readParent({ onTask, branch, pullRequest }: Partial<Record<keyof CreateTaskInput, unknown>>) {
  if (onTask === undefined) return undefined;
  const isAlone = branch === undefined && pullRequest === undefined;
  if (typeof onTask === "string" && onTask !== "" && onTask.length <= 100 && isAlone) return onTask;
  const message =
    "`onTask` must be the id of a task, which has the branch: leave `branch` and `pullRequest` out";
  throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
}

/** Throws `stack.not_published`, `stack.closed`. */
export function stackBaseOf({ id, title, publication }: TaskState): StackBase {
  const pull = publication?.pullRequest;
  if (publication === undefined || pull === undefined || publication.fork !== undefined) {
    const message =
      "This task has no branch of its own at the forge yet. Publish it, then start a task on top of it.";
    throw new HoldfastError("stack", "not_published", message, { statusCode: 409 });
  }
  if (pull.state !== "open") {
    const message = `Pull request #${pull.number} is ${pull.state}. Start the task from ${publication.baseBranch}.`;
    throw new HoldfastError("stack", "closed", message, { statusCode: 409 });
  }
  const { number, webUrl, state } = pull;
  return {
    repositoryId: publication.target.repositoryId,
    parent: { taskId: id, title, branch: publication.branch, number, webUrl, state },
  };
}
