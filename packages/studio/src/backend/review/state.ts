import type { RevertView } from "../../contract/review.ts";

/** What a task keeps of a revert: enough to take it back. */
export interface RevertRow extends RevertView {
  /** Git trees of the files before and after it, which differ in these paths. */
  readonly before: string;
  readonly after: string;
  readonly paths: readonly string[];
}

/** What a task keeps of its review in its state. Marks, comments and results of checks are in its key-value entries. */
export interface ReviewState {
  /** Number of changes of the review. Absent before the first one. */
  reviewRevision?: number;
  /** Reverts that can be undone, newest first. Absent before the first one. */
  reverts?: RevertRow[];
  /** Git trees of the files at the ends of turns, by their numbers, oldest first. Absent before the first. */
  turnTrees?: { turn: number; tree: string }[];
  /** The state in which the files were seen last, and when. Absent before, and in states of earlier versions. */
  seenTree?: { tree: string; at: number };
  /** Number of changes of the checks. Absent before the first one. */
  checksRevision?: number;
}
