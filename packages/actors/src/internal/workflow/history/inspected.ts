import type { WorkflowState } from "./record.ts";

/** A history in the shape in which inspectors read it. */
export interface WorkflowHistorySnapshot {
  readonly nameRegistry: readonly string[];
  readonly entries: readonly WorkflowHistoryEntry[];
  readonly entryMetadata: Readonly<Record<string, WorkflowEntryMetadata>>;
}

/** One step of the way to an entry: the number of a name in the registry of names, or an iteration of a loop. */
export type WorkflowLocationSegment =
  | { readonly tag: "WorkflowNameIndex"; readonly val: number }
  | {
      readonly tag: "WorkflowLoopIterationMarker";
      readonly val: { readonly loop: number; readonly iteration: number };
    };

/** An entry of the history: where it stands, and what it is. */
export interface WorkflowHistoryEntry {
  readonly id: string;
  readonly location: readonly WorkflowLocationSegment[];
  readonly kind: { readonly tag: string; readonly val: Readonly<Record<string, unknown>> };
}

/** How an entry of the history came about. Times are milliseconds since the epoch. */
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

/** Where a workflow stands; null where the actor has none. */
export interface WorkflowInspection {
  readonly history: WorkflowHistorySnapshot | null;
  readonly workflowState: WorkflowState | null;
  readonly isWorkflowEnabled: boolean;
}
