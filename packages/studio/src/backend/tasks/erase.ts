import { HoldfastError } from "@holdfast/core";
import type { TaskStorage } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import { isActive, type TaskState } from "../task-state.ts";

/** The part of a task's context that is used here. */
export interface EraseContext {
  readonly state: TaskState;
  destroy(): void;
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/** What the task takes on disk, in this process. */
export async function taskStorage(
  host: Pick<BackendHost, "filesSize">,
  c: EraseContext,
): Promise<TaskStorage> {
  const session = c.client().get("session", [c.state.sessionId]);
  const [{ bytes, isComplete }, transcriptBytes] = await Promise.all([
    host.filesSize(c.state.id),
    session.action<number>({ name: "internal.size", args: [] }),
  ]);
  return { filesBytes: bytes, isComplete, transcriptBytes };
}

/**
 * Deletes the files, then the session, then the task: each attempt can be repeated until the last. Returns what was
 * freed. Throws `task.busy`.
 */
export async function eraseTask(
  host: Pick<BackendHost, "filesSize" | "release" | "restoreFiles">,
  c: EraseContext,
  reportDeletion: () => Promise<void>,
): Promise<TaskStorage> {
  const { id, sessionId, group } = c.state;
  if (isActive(c.state)) {
    const message = "An agent still works on this task. Stop it first.";
    throw new HoldfastError("task", "busy", message, { statusCode: 409 });
  }
  // An idle agent may still run, and uses the files.
  await host.release(id);
  const freed = await taskStorage(host, c);
  await host.restoreFiles(id, undefined);
  if (group !== undefined)
    await c
      .client()
      .get("group", [group])
      .action({ name: "internal.forgetTask", args: [id] });
  await c.client().get("session", [sessionId]).action({ name: "internal.erase", args: [] });
  await reportDeletion();
  c.destroy();
  return freed;
}
