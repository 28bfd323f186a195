import type { WorkflowState } from "./record.ts";

/** A history in the form that inspectors read. */
export interface WorkflowHistorySnapshot {
  readonly nameRegistry: readonly string[];
  readonly entries: readonly WorkflowHistoryEntry[];
  readonly entryMetadata: Readonly<Record<string, WorkflowEntryMetadata>>;
}

/** One segment of the path of an entry: the index of a name in the registry of names, or an iteration of a loop. */
export type WorkflowLocationSegment =
  | { readonly tag: "WorkflowNameIndex"; readonly val: number }
  | {
      readonly tag: "WorkflowLoopIterationMarker";
      readonly val: { readonly loop: number; readonly iteration: number };
    };

/** An entry of the history: its location and its content. */
export interface WorkflowHistoryEntry {
  readonly id: string;
  readonly location: readonly WorkflowLocationSegment[];
  readonly kind: { readonly tag: string; readonly val: Readonly<Record<string, unknown>> };
}

/** Metadata of an entry. Times are milliseconds since the epoch. */
export interface WorkflowEntryMetadata {
  readonly status: string;
  readonly error: string | null;
  readonly attempts: number;
  readonly lastAttemptAt: number;
  readonly createdAt: number;
  readonly completedAt: number | null;
  readonly rollbackCompletedAt: number | null;
  readonly rollbackError: string | null;
}

/** The state of a workflow; null if the actor has none. */
export interface WorkflowInspection {
  readonly history: WorkflowHistorySnapshot | null;
  readonly workflowState: WorkflowState | null;
  readonly isWorkflowEnabled: boolean;
}
