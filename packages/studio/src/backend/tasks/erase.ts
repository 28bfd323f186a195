import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { TaskStorage } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import { eraseAttachments } from "../prompts/bind-attachments.ts";
import { isActive } from "../task-activity.ts";
import { sessionsOf, type TaskState } from "../task-state.ts";

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

/** `fallback` for a session that is not there: an attempt that was interrupted has deleted it, or never made it. */
async function ofSession<Result>(
  c: EraseContext,
  sessionId: string,
  name: string,
  fallback: Result,
): Promise<Result> {
  try {
    return await c.client().get("session", [sessionId]).action<Result>({ name, args: [] });
  } catch (error) {
    if (isErrorCode(error, "actor", "not_found")) return fallback;
    throw error;
  }
}

/** Its repository lists again what the task was about. One that was disconnected has nothing to forget. */
async function forgetAtRepository(c: EraseContext): Promise<void> {
  const { id, connected } = c.state;
  if (connected === undefined) return;
  try {
    const call = { name: "internal.forgetTask", args: [id] };
    await c.client().get("repository", [connected.id]).action<void>(call);
  } catch (error) {
    if (!isErrorCode(error, "actor", "not_found")) throw error;
  }
}

/** What the task takes on disk, in this process. */
export async function taskStorage(
  host: Pick<BackendHost, "filesSize">,
  c: EraseContext,
): Promise<TaskStorage> {
  const [{ bytes, isComplete }, ...transcripts] = await Promise.all([
    host.filesSize(c.state.id),
    ...sessionsOf(c.state).map(({ sessionId }) => ofSession(c, sessionId, "internal.size", 0)),
  ]);
  return { filesBytes: bytes, isComplete, transcriptBytes: transcripts.reduce((sum, size) => sum + size, 0) };
}

/**
 * Deletes the files, then the sessions, then the task: each attempt can be repeated until the last. Returns what was
 * freed. Throws `task.busy`.
 */
export async function eraseTask(
  host: Pick<BackendHost, "filesSize" | "release" | "restoreFiles">,
  c: EraseContext,
  { stop, report }: { readonly stop: () => Promise<void>; readonly report: () => Promise<void> },
): Promise<TaskStorage> {
  const { id, group } = c.state;
  if (isActive(c.state)) {
    const message = "An agent still works on this task. Stop it first.";
    throw new HoldfastError("task", "busy", message, { statusCode: 409 });
  }
  // Its checks use the files.
  await stop();
  // An idle agent may still run, and uses the files.
  await host.release(id);
  const freed = await taskStorage(host, c);
  await host.restoreFiles(id, undefined);
  if (group !== undefined)
    await c
      .client()
      .get("group", [group])
      .action({ name: "internal.forgetTask", args: [id] });
  await forgetAtRepository(c);
  await eraseAttachments(c, c.state.attachments ?? []);
  for (const { sessionId } of sessionsOf(c.state))
    await ofSession<void>(c, sessionId, "internal.erase", undefined);
  await report();
  c.destroy();
  return freed;
}
