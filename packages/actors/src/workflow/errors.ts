import { HoldfastError, type HoldfastErrorOptions } from "@holdfast/core";

/** The recorded form of a thrown value, in which failures are stored and reported. */
export interface WorkflowError {
  /** The name of the error's class: "TypeError", "CriticalError". */
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Group, code and metadata of a typed error. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

class WorkflowFailure extends HoldfastError {
  constructor(name: string, code: string, message: string, options: HoldfastErrorOptions = {}) {
    super("workflow", code, message, { statusCode: 500, ...options });
    this.name = name;
  }
}

/** Thrown by a step to fail without retries. */
export class CriticalError extends WorkflowFailure {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super("CriticalError", "critical", message, options);
  }
}

/** A step took longer than its `timeout`; critical unless `retryOnTimeout` is set. */
export class StepTimeoutError extends CriticalError {
  readonly stepName: string;
  readonly timeoutMs: number;
  constructor(stepName: string, timeoutMs: number) {
    super(`Step "${stepName}" timed out after ${timeoutMs}ms`);
    this.name = "StepTimeoutError";
    this.stepName = stepName;
    this.timeoutMs = timeoutMs;
  }
}

/** Thrown by a step to fail without retries and to run the rollbacks. */
export class RollbackError extends WorkflowFailure {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super("RollbackError", "rollback", message, options);
  }
}

/** A step has a rollback, and no checkpoint was set before it. */
export class RollbackCheckpointError extends WorkflowFailure {
  constructor() {
    super(
      "RollbackCheckpointError",
      "rollback_checkpoint",
      "Rollback requires a checkpoint before any rollback step: call ctx.rollbackCheckpoint() first",
    );
  }
}

/** A step failed more often than `maxRetries` allows. */
export class StepExhaustedError extends WorkflowFailure {
  readonly stepName: string;
  /** The message of the last attempt's error. */
  readonly lastError: string | undefined;
  constructor(stepName: string, lastError?: string) {
    const message = `Step "${stepName}" exhausted retries: ${lastError ?? "unknown error"}`;
    super("StepExhaustedError", "step_exhausted", message, { metadata: { stepName } });
    this.stepName = stepName;
    this.lastError = lastError;
  }
}

/** The code diverged from the recorded history. `metadata` has both lists of entries. */
export class HistoryDivergedError extends WorkflowFailure {
  constructor(message: string, options: { readonly metadata?: unknown } = {}) {
    super("HistoryDivergedError", "history_diverged", message, options);
  }
}

/** An operation began while another of the same scope was still running. */
export class EntryInProgressError extends WorkflowFailure {
  constructor(message?: string) {
    super(
      "EntryInProgressError",
      "entry_in_progress",
      message ??
        "An entry cannot begin while another is in progress: is an await missing before a step, loop or sleep?",
    );
  }
}

/** Branches of a join failed; `errors` has their errors by name. */
export class JoinError extends WorkflowFailure {
  readonly errors: Readonly<Record<string, Error>>;
  constructor(errors: Readonly<Record<string, Error>>) {
    super("JoinError", "join_failed", `Join failed: ${Object.keys(errors).join(", ")}`);
    this.errors = errors;
  }
}

/** Every branch of a race failed. */
export class RaceError extends WorkflowFailure {
  readonly errors: readonly { readonly name: string; readonly error: string }[];
  constructor(message: string, errors: readonly { readonly name: string; readonly error: string }[]) {
    super("RaceError", "race_failed", message);
    this.errors = errors;
  }
}

/** The branch lost its race, or the workflow was cancelled. */
export class CancelledError extends WorkflowFailure {
  constructor(message = "Branch cancelled") {
    super("CancelledError", "cancelled", message);
  }
}

/** A child workflow failed or was cancelled. */
export class ChildError extends WorkflowFailure {
  readonly childName: string;
  readonly failure: WorkflowError;
  constructor(childName: string, failure: WorkflowError) {
    super("ChildError", "child_failed", `Child "${childName}" failed: ${failure.message}`);
    this.childName = childName;
    this.failure = failure;
  }
}

/** The actor leaves memory, and the workflow continues later. Do not catch it. */
export class EvictedError extends WorkflowFailure {
  constructor() {
    super("EvictedError", "evicted", "The workflow leaves memory and continues later");
  }
}
