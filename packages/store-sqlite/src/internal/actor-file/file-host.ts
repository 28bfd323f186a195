import type { Logger } from "@holdfast/core";
import type { SyncFile } from "../../sync.ts";
import type { HistoryLimits } from "./state-log.ts";

/** What holds for every file of a store. */
export interface FileSettings {
  readonly history: HistoryLimits;
  /** Replaces the sync of the WAL, in tests. */
  readonly syncFile: SyncFile | undefined;
  /** Where a file may not grow further: then `store.full`. */
  readonly maxFileBytes: number | undefined;
  /** Size of the WAL at which a checkpoint runs at once. */
  readonly maxWalBytes: number;
  /** WAL content that no checkpoint has moved yet, at which one starts in a thread. */
  readonly passiveCheckpointBytes: number;
}

/** What a file asks of those that hold all files. */
export interface FileHost<File> {
  readonly log: Logger;
  readonly settings: FileSettings;
  /** Syncs of files that are on their way. */
  readonly syncs: { running: number };
  now(): number;
  used(file: File): void;
  /** Nothing of the file is on its way any more. */
  quiet(file: File): void;
  /** Its owner lets the file go. */
  release(file: File): void;
  checkpoint(file: File): void;
}
