/** Labels of a task, as people set them. */
import type { LabelChange } from "../../labels/label-change.ts";
import { areSameLabels, changedLabels, readLabels } from "../../labels/labels.ts";
import type { TaskContext, TaskSteps } from "../task-steps.ts";

/** The actions of a task by which people label it. */
export function labelActions(steps: Pick<TaskSteps, "publishChange">) {
  const keep = (c: TaskContext, labels: readonly string[]): readonly string[] => {
    if (areSameLabels(c.state.labels, labels)) return labels;
    c.state.labels = [...labels];
    steps.publishChange(c);
    return labels;
  };
  return {
    setLabels: (c: TaskContext, given: readonly string[]): readonly string[] => keep(c, readLabels(given)),
    changeLabels: (c: TaskContext, change: LabelChange): readonly string[] =>
      keep(c, changedLabels(c.state.labels ?? [], change)),
  };
}
