import type { Logger } from "@holdfast/core";
import type { SyncFile } from "../../sync.ts";
import type { HistoryLimits } from "./state-log.ts";

/** What a file asks of those that hold all files. */
export interface FileHost<File> {
  readonly log: Logger;
  readonly history: HistoryLimits;
  readonly syncFile: SyncFile | undefined;
  readonly maxFileBytes: number | undefined;
  readonly maxWalBytes: number;
  readonly passiveCheckpointBytes: number;
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
