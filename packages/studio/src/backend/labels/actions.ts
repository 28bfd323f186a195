/** Labels of a task, as people set them. */
import { areSameLabels, readLabels } from "../../labels/labels.ts";
import type { TaskContext, TaskSteps } from "../task-steps.ts";

/** The action of a task by which people label it. */
export function labelActions(steps: Pick<TaskSteps, "publishChange">) {
  return {
    setLabels(c: TaskContext, given: readonly string[]): readonly string[] {
      const labels = readLabels(given);
      if (areSameLabels(c.state.labels, labels)) return labels;
      c.state.labels = [...labels];
      steps.publishChange(c);
      return labels;
    },
  };
}
