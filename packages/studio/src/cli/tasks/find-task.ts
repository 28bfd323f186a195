import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { StudioClient, TaskView } from "@holdfast/studio";

/** Throws `task.not_found`. */
export async function findTask(client: StudioClient, id: string): Promise<TaskView> {
  try {
    return await client.task(id).get();
  } catch (error) {
    if (!isErrorCode(error, "actor", "not_found")) throw error;
    throw new HoldfastError(
      "task",
      "not_found",
      `There is no task ${id}. List all tasks with: holdfast tasks list`,
    );
  }
}
