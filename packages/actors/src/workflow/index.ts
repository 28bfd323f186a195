/** The API for writing workflows: steps, loops, joins, signals, and their types. */
export type {
  WorkflowEntryMetadata,
  WorkflowHistoryEntry,
  WorkflowHistorySnapshot,
  WorkflowInspection,
  WorkflowLocationSegment,
} from "../internal/workflow/history/inspected.ts";
export {
  listWorkflows,
  type WorkflowPage,
  type WorkflowQuery,
  type WorkflowSummary,
} from "../internal/workflow/history/listing.ts";
export { WorkflowControl, type WorkflowStatus, workflowControl } from "./control.ts";
export {
  type DurableActions,
  type DurableContext,
  type DurableDefinition,
  type DurableOptions,
  durable,
} from "./durable.ts";
export {
  CancelledError,
  ChildError,
  CriticalError,
  EntryInProgressError,
  EvictedError,
  HistoryDivergedError,
  JoinError,
  RaceError,
  RollbackCheckpointError,
  RollbackError,
  StepExhaustedError,
  StepTimeoutError,
  type WorkflowError,
} from "./errors.ts";
export { Loop, type LoopIterationResult, type LoopResult } from "./loop.ts";
export type {
  TryBlockCatchKind,
  TryBlockFailure,
  TryBlockResult,
  TryStepCatchKind,
  TryStepFailure,
  TryStepResult,
  WorkflowErrorEvent,
  WorkflowRollbackErrorEvent,
  WorkflowRunErrorEvent,
  WorkflowStepErrorEvent,
} from "./outcomes.ts";
export type {
  ContextTest,
  EntryKind,
  EntryStatus,
  LoopConfig,
  StepConfig,
  TryBlockConfig,
  TryStepConfig,
  WorkflowBranchConfig,
  WorkflowBranchContextOf,
  WorkflowContextOf,
  WorkflowLoopConfig,
  WorkflowLoopContextOf,
  WorkflowQueue,
  WorkflowQueueBatchOptions,
  WorkflowQueueNextOptions,
  WorkflowQueueSender,
  WorkflowState,
  WorkflowStepConfig,
  WorkflowStepContextOf,
  WorkflowTryConfig,
  WorkflowTryStepConfig,
} from "./types.ts";
export { WorkflowContext, WorkflowStepContext } from "./types.ts";
export type { ChildReference, SignalOptions } from "./waits.ts";
export { type WorkflowDefinitionConfig, type WorkflowOptions, workflow } from "./workflow.ts";
