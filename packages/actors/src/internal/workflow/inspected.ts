import type { WorkflowState } from "./record.ts";

/** A history in the shape in which inspectors read it. */
export interface WorkflowHistorySnapshot {
  readonly nameRegistry: readonly string[];
  readonly entries: readonly WorkflowHistoryEntry[];
  readonly entryMetadata: Readonly<Record<string, WorkflowEntryMetadata>>;
}

export type WorkflowLocationSegment =
  | { readonly tag: "WorkflowNameIndex"; readonly val: number }
  | {
      readonly tag: "WorkflowLoopIterationMarker";
      readonly val: { readonly loop: number; readonly iteration: number };
    };

export interface WorkflowHistoryEntry {
  readonly id: string;
  readonly location: readonly WorkflowLocationSegment[];
  readonly kind: { readonly tag: string; readonly val: Readonly<Record<string, unknown>> };
}

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

export interface WorkflowInspection {
  readonly history: WorkflowHistorySnapshot | null;
  readonly workflowState: WorkflowState | null;
  readonly isWorkflowEnabled: boolean;
}
