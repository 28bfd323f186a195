export type {
  WorkflowEntryMetadata,
  WorkflowHistoryEntry,
  WorkflowHistorySnapshot,
  WorkflowInspection,
  WorkflowLocationSegment,
} from "../internal/workflow/inspection.ts";
export {
  listWorkflows,
  type WorkflowPage,
  type WorkflowQuery,
  type WorkflowSummary,
} from "../internal/workflow/listing.ts";
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
  ChildReference,
  ContextTest,
  EntryKind,
  EntryStatus,
  LoopConfig,
  SignalOptions,
  StepConfig,
  TryBlockCatchKind,
  TryBlockConfig,
  TryBlockFailure,
  TryBlockResult,
  TryStepCatchKind,
  TryStepConfig,
  TryStepFailure,
  TryStepResult,
  WorkflowBranchConfig,
  WorkflowBranchContextOf,
  WorkflowContextOf,
  WorkflowErrorEvent,
  WorkflowLoopConfig,
  WorkflowLoopContextOf,
  WorkflowQueue,
  WorkflowQueueBatchOptions,
  WorkflowQueueNextOptions,
  WorkflowQueueSender,
  WorkflowRollbackErrorEvent,
  WorkflowRunErrorEvent,
  WorkflowState,
  WorkflowStepConfig,
  WorkflowStepContextOf,
  WorkflowStepErrorEvent,
  WorkflowTryConfig,
  WorkflowTryStepConfig,
} from "./types.ts";
export { WorkflowContext, WorkflowStepContext } from "./types.ts";
export { type WorkflowDefinitionConfig, type WorkflowOptions, workflow } from "./workflow.ts";
