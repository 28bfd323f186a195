import { HoldfastError, isErrorCode, type Logger } from "@holdfast/core";
import type { TaskStorage } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import { activeRows, requireListed, requireQuiet } from "./rows.ts";
import type { TaskDatabase } from "./schema.ts";

/** The part of the organization's context that is used here. */
export interface RemovalContext {
  readonly db: TaskDatabase;
  readonly state: { tasks: number; textBytes?: number };
  readonly broadcast: (name: "taskDeleted", event: { readonly taskId: string }) => void;
  saveState(): Promise<void>;
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

type RemovalHost = Pick<BackendHost, "ports" | "audit">;

/**
 * Deletes tasks. The intent is durable first, which also takes the task from the list: a start after a crash completes
 * the deletion.
 */
export class TaskRemoval {
  readonly #host: RemovalHost;

  constructor(host: RemovalHost) {
    this.#host = host;
  }

  /** Throws `task.not_found`, `task.busy`, `task.delete_failed`. */
  async remove(c: RemovalContext, taskId: string): Promise<TaskStorage> {
    requireQuiet(requireListed(c.db, taskId));
    const [marked] = await c.db.execute(
      "UPDATE task SET deleted_at = ?, active = 1 WHERE id = ? AND deleted_at IS NULL AND active = 0 RETURNING id",
      ...[this.#host.ports.clock.now(), taskId],
    );
    // Somebody sent a prompt, or deleted it too, during the await.
    if (marked === undefined) requireQuiet({ ...requireListed(c.db, taskId), active: true });
    await c.saveState();
    try {
      return await this.complete(c, taskId);
    } catch (cause) {
      this.#host.ports.log.error("could not delete a task", { taskId, error: cause });
      await c.db.execute("UPDATE task SET deleted_at = NULL, active = 0 WHERE id = ?", taskId);
      const message = "The task was not deleted completely. The server's log says why. Delete it again.";
      throw new HoldfastError("task", "delete_failed", message, { statusCode: 500, cause });
    }
  }

  /** Completes the deletions that the last process left unfinished. A failure is logged, and tried at the next start. */
  async recover(c: RemovalContext): Promise<void> {
    const log: Logger = this.#host.ports.log;
    for (const { summary } of activeRows(c.db).filter(({ isDeleting }) => isDeleting)) {
      await this.complete(c, summary.id).catch((error: unknown) =>
        log.error("could not delete a task", { taskId: summary.id, error }),
      );
    }
  }

  /** Deletes a task whose deletion was noted. Can be repeated. */
  async complete(c: RemovalContext, taskId: string): Promise<TaskStorage> {
    const freed = await c
      .client()
      .get("task", [taskId])
      .action<TaskStorage>({ name: "internal.erase", args: [] })
      .catch((error: unknown) => {
        // An attempt before has destroyed the actor.
        if (isErrorCode(error, "actor", "not_found"))
          return { filesBytes: 0, isComplete: true, transcriptBytes: 0 };
        throw error;
      });
    await this.#host.audit({ type: "task.deleted", session: taskId, data: { ...freed } });
    const [row] = await c.db.execute<{ text_bytes: number }>(
      "DELETE FROM task WHERE id = ? RETURNING text_bytes",
      taskId,
    );
    await c.db.execute("DELETE FROM text WHERE task_id = ?", taskId);
    await c.db.execute("DELETE FROM session_text WHERE task_id = ?", taskId);
    await c.db.execute("DELETE FROM seen WHERE task_id = ?", taskId);
    if (row !== undefined) {
      c.state.tasks -= 1;
      c.state.textBytes = Math.max(0, (c.state.textBytes ?? 0) - row.text_bytes);
    }
    c.broadcast("taskDeleted", { taskId });
    return freed;
  }
}
