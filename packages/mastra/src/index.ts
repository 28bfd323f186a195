/** Storage of Mastra on actors: memory of agents, runs of workflows. */

// Types of the actors' actions, so that the type of a registry with these actors can be named.
export type { CallPiece, ChunkedResult, Packed, PackedResult, WithDatabase } from "@holdfast/adapter-kit";
export { type MastraClient, mastraActors } from "./actors.ts";
export type {
  CopyAnswer,
  MessageChange,
  MessagePage,
  MessageQuery,
  MessageRow,
  NewState,
  ResourceChange,
  ResourceRow,
  StateAddress,
  ThreadChange,
  ThreadCopy,
  ThreadPage,
  ThreadQuery,
  ThreadRow,
} from "./memory/types.ts";
export { HoldfastStorage, type HoldfastStorageOptions } from "./storage.ts";
export type {
  NewRun,
  RunAddress,
  RunPage,
  RunQuery,
  RunRow,
  StateChange,
  StepChange,
} from "./workflows/types.ts";
