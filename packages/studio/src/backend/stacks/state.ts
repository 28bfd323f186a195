import type { StackParent, StackTask, TaskError, TaskStack } from "../../contract.ts";

/** What a task keeps of the tasks below and above it. */
export interface StackState {
  /** The task whose branch it is based on. Absent once that was merged into a branch of nobody. */
  parent?: StackParent | undefined;
  /** False until the parent knows of it. */
  isKnown?: boolean;
  /** The tasks that are based on its branch. */
  children?: StackTask[];
  /** The branch whose newest commit it has to be moved to. Absent when it is there. */
  onto?: string | undefined;
  /** Paths that do not fit on that commit. */
  conflicts?: string[] | undefined;
  /** Why it could not be moved. */
  error?: TaskError | undefined;
}

/** What a parent tells those above it. */
export interface ParentChange {
  readonly taskId: string;
  readonly commit: string;
  readonly state: StackParent["state"];
  /** The branch that it was merged into, and the task whose branch that is. */
  readonly into?: string;
  readonly below?: StackParent;
}

/** A move from one base commit to another. */
export interface BaseMove {
  readonly from: string;
  readonly to: { readonly branch: string; readonly commit: string };
  /** False if the files did not fit: then the branch stays as well. */
  readonly isFilesMoved: boolean;
}

/** What a task on top of another one starts with. */
export interface StackBase {
  readonly repositoryId: string;
  readonly parent: StackParent;
}

export function stackView(stack: StackState | undefined): TaskStack | undefined {
  if (stack === undefined) return undefined;
  const { parent, children = [], onto, conflicts, error } = stack;
  if (parent === undefined && children.length === 0 && onto === undefined) return undefined;
  return {
    ...(parent === undefined ? {} : { parent: { ...parent } }),
    children: children.map((child) => ({ ...child })),
    ...(onto === undefined ? {} : { onto }),
    ...(conflicts === undefined ? {} : { conflicts: [...conflicts] }),
    ...(error === undefined ? {} : { error: { ...error } }),
  };
}
