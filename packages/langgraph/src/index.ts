/** LangGraph on actors: checkpoints of threads, memory across threads. */

// Types of the actors' actions, so that the type of a registry with these actors can be named.
export type { CallPiece, ChunkedResult, Packed, PackedResult, WithDatabase } from "@holdfast/adapter-kit";
export { type LangGraphClient, langGraphActors } from "./actors.ts";
export { HoldfastSaver, type HoldfastSaverOptions } from "./checkpoints/saver.ts";
export type {
  CheckpointAddress,
  CheckpointHead,
  HeadPage,
  HeadQuery,
  NewCheckpoint,
  NewWrite,
  NewWrites,
  PutAnswer,
  StoredCheckpoint,
  StoredWrite,
  Typed,
  VersionText,
} from "./checkpoints/types.ts";
export { HoldfastStore, type HoldfastStoreOptions } from "./memory/store.ts";
export type { ItemAddress, ItemSearch, NewItem, StoredItem } from "./memory/types.ts";
