/** What changes of the labels of a task. */
export interface LabelChange {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

/** The change that makes one list of labels another one. */
export function labelChange(before: readonly string[], after: readonly string[]): Required<LabelChange> {
  return {
    add: after.filter((label) => !before.includes(label)),
    remove: before.filter((label) => !after.includes(label)),
  };
}
