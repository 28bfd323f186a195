import type { WorkflowError } from "./errors.ts";

/** Which failures of a step `tryStep` makes a result. */
export type TryStepCatchKind = "critical" | "timeout" | "exhausted" | "rollback";

/** How a step failed that `tryStep` ran. */
export interface TryStepFailure {
  readonly kind: TryStepCatchKind;
  readonly stepName: string;
  readonly attempts: number;
  readonly error: WorkflowError;
}

/** What `tryStep` resolves with. */
export type TryStepResult<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly failure: TryStepFailure };

/** Which failures inside a block `try` makes a result. */
export type TryBlockCatchKind = "step" | "join" | "race" | "rollback";

/** What failed inside a block, and the step where it was one. */
export interface TryBlockFailure {
  readonly source: "step" | "join" | "race" | "block";
  readonly name: string;
  readonly error: WorkflowError;
  readonly step?: TryStepFailure;
}

/** What `try` resolves with. */
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

/** What `onError` is told. */
export type WorkflowErrorEvent =
  | { readonly step: WorkflowStepErrorEvent }
  | { readonly rollback: WorkflowRollbackErrorEvent }
  | { readonly workflow: WorkflowRunErrorEvent };
