import type { WorkflowError } from "./errors.ts";

/** Failures of a step that `tryStep` returns as a result. */
export type TryStepCatchKind = "critical" | "timeout" | "exhausted" | "rollback";

/** The failure of a step that ran in `tryStep`. */
export interface TryStepFailure {
  readonly kind: TryStepCatchKind;
  readonly stepName: string;
  readonly attempts: number;
  readonly error: WorkflowError;
}

/** The result of `tryStep`. */
export type TryStepResult<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly failure: TryStepFailure };

/** Failures inside a block that `try` returns as a result. */
export type TryBlockCatchKind = "step" | "join" | "race" | "rollback";

/** The failure inside a block, and the step, if it was one. */
export interface TryBlockFailure {
  readonly source: "step" | "join" | "race" | "block";
  readonly name: string;
  readonly error: WorkflowError;
  readonly step?: TryStepFailure;
}

/** The result of `try`. */
export type TryBlockResult<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly failure: TryBlockFailure };

/** An attempt of a step failed. */
export interface WorkflowStepErrorEvent {
  readonly workflowId: string;
  readonly stepName: string;
  readonly attempt: number;
  readonly maxRetries: number;
  readonly remainingRetries: number;
  readonly willRetry: boolean;
  readonly retryDelay?: number;
  readonly retryAt?: number;
  readonly error: WorkflowError;
}

/** A rollback failed. */
export interface WorkflowRollbackErrorEvent {
  readonly workflowId: string;
  readonly stepName: string;
  readonly error: WorkflowError;
}

/** The workflow failed outside of its steps. */
export interface WorkflowRunErrorEvent {
  readonly workflowId: string;
  readonly error: WorkflowError;
}

/** The argument of `onError`. */
export type WorkflowErrorEvent =
  | { readonly step: WorkflowStepErrorEvent }
  | { readonly rollback: WorkflowRollbackErrorEvent }
  | { readonly workflow: WorkflowRunErrorEvent };
