import type { Logger } from "@holdfast/core";
import type { SyncFile } from "../../sync.ts";
import type { HistoryLimits } from "./state-log.ts";

/** Settings that apply to every file of a store. */
export interface FileSettings {
  readonly history: HistoryLimits;
  /** Replaces the sync of the WAL, in tests. */
  readonly syncFile: SyncFile | undefined;
  /** Maximum size of a file, in bytes; beyond it, `store.full`. */
  readonly maxFileBytes: number | undefined;
  /** WAL size at which a checkpoint runs immediately. */
  readonly maxWalBytes: number;
  /** Size of the WAL content without checkpoint at which one starts in a thread. */
  readonly passiveCheckpointBytes: number;
}

/** Operations of the collection of files that one file calls. */
export interface FileHost<File> {
  readonly log: Logger;
  readonly settings: FileSettings;
  /** Number of running syncs. */
  readonly syncs: { running: number };
  now(): number;
  onUse(file: File): void;
  /** The file has no more running operations. */
  onIdle(file: File): void;
  /** The owner has released the file. */
  release(file: File): void;
  checkpoint(file: File): void;
}
