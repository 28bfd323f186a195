import { HoldfastError } from "@holdfast/core";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { setWatching } from "./audience.ts";

/** The action of a task by which people choose to get its news. */
export function watchActions(steps: Pick<TaskSteps, "publishChange">) {
  return {
    watch(c: TaskContext & PersonContext, isWatching: boolean): void {
      if (typeof isWatching !== "boolean") {
        const message = "`isWatching` must be true or false";
        throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
      }
      setWatching(c.state, c.conn.state.person, isWatching);
      steps.publishChange(c);
    },
  };
}
