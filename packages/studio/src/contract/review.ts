import type { DiffView } from "./diff.ts";
import type { SessionChoice } from "./sessions.ts";

/** What the changes of a task are compared with. */
export type DiffCompare =
  /** The commit from which the task started. */
  | { readonly kind: "base" }
  /** The files as they were before the last turn of the agent. */
  | { readonly kind: "turn" }
  /** A commit that the agent has made, compared with its parent. */
  | { readonly kind: "commit"; readonly commit: string };

/** A commit of the agent, as its repository has it: everything but the id is what the agent wrote. */
export interface TaskCommit {
  readonly id: string;
  readonly subject: string;
  readonly author: string;
  readonly committedAt: number;
}

/** A part of a text or of a file; `next` is the position of the next part, null at the end. */
export interface FilePart {
  readonly text: string;
  readonly next: number | null;
}

export interface FileBytes {
  /** Base64. */
  readonly bytes: string;
  /** Size of the whole file. */
  readonly size: number;
  readonly next: number | null;
}

export interface FileLines {
  /** Number of the first line, from 1. */
  readonly start: number;
  readonly lines: readonly string[];
  /** Number of lines of the file. */
  readonly total: number;
}

/** A folder in one state of the files. */
export interface SavedFolder {
  /** The state: a git tree, or the commit with which the task began. */
  readonly tree: string;
  /** When the files were in this state; absent if nothing was seen since the task began. */
  readonly savedAt?: number;
  readonly entries: readonly SavedEntry[];
  /** True if it has more entries than are listed. */
  readonly truncated: boolean;
}

export interface SavedEntry {
  readonly name: string;
  readonly kind: "folder" | "file" | "link";
  /** Bytes, of a file. */
  readonly size?: number;
}

export interface SavedMatch {
  readonly path: string;
  /** Of a match in the content: the number of the line, from 1, and its text. */
  readonly line?: number;
  readonly text?: string;
}

export interface SavedMatches {
  readonly matches: readonly SavedMatch[];
  readonly truncated: boolean;
}

/** What a person sees and wants to be as it was before. */
export interface RevertInput {
  readonly path: string;
  /** The file's `contentId`, as it was seen. */
  readonly contentId: string;
  /** Of a hunk as its header has it. Without it, the whole file is reverted. */
  readonly hunk?: HunkPlace;
  /** What the file was compared with; the base without it. A commit is not possible. */
  readonly compare?: DiffCompare;
}

/** The numbers of a hunk's header: `@@ -oldStart,oldLines +newStart,newLines @@`. */
export interface HunkPlace {
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
}

/** A revert, whose state before is kept. */
export interface RevertView {
  readonly id: string;
  readonly path: string;
  readonly isHunk: boolean;
  readonly revertedAt: number;
}

/**
 * The review of a task's changes: what was viewed, and comments on lines. The task keeps it, so that each browser of
 * each person shows the same.
 */
export interface ReviewView {
  readonly viewed: readonly ViewedFile[];
  /** Oldest first. */
  readonly comments: readonly ReviewComment[];
  /** Those that can be undone, newest first. */
  readonly reverts: readonly RevertView[];
  /** Incremented by every change. A client that sees a gap between two changes reads the review again. */
  readonly revision: number;
}

/** A file that was marked as viewed. The mark holds while the file has this content. */
export interface ViewedFile {
  readonly path: string;
  readonly contentId: string;
}

/** The lines of a comment, as they were when it was written. */
export interface ReviewLines {
  readonly path: string;
  /** "old" counts the lines before the task's changes, "new" those after them. */
  readonly side: "old" | "new";
  /** The first line is 1. */
  readonly startLine: number;
  /** The last line, included. */
  readonly endLine: number;
  /** Text of these lines, joined by line feeds; at most 8 KiB. */
  readonly quote: string;
  /** The file's `contentId`. */
  readonly contentId: string;
}

/** A comment to save. Saving it again with the same id replaces its text and lines. */
export interface ReviewCommentInput extends ReviewLines {
  /** UUID that the client has chosen. */
  readonly id: string;
  /** At most 4 KiB. */
  readonly text: string;
}

export interface ReviewComment extends ReviewCommentInput {
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Set once the agent got it. */
  readonly sentAt?: number;
  /** The prompt in which the agent got it. */
  readonly promptId?: string;
  /** When the turn ended in which the agent worked on it. */
  readonly answeredAt?: number;
  /** When a person settled it. */
  readonly resolvedAt?: number;
}

/** A change of a review; absent parts have not changed. */
export interface ReviewChange {
  readonly revision: number;
  readonly viewed?: readonly ViewedFile[];
  /** Paths that are no longer marked as viewed. */
  readonly unviewed?: readonly string[];
  /** New and changed comments. */
  readonly comments?: readonly ReviewComment[];
  /** Ids of deleted comments. */
  readonly deleted?: readonly string[];
  /** All of them. */
  readonly reverts?: readonly RevertView[];
}

/** Actions of `task` about its changes and their review. Errors: group "review". */
export interface ReviewActions {
  /** Throws `review.commit_not_found`. */
  diff(options?: { readonly compare?: DiffCompare }): Promise<DiffView>;
  /** Commits that the agent has made since the task began, newest first, at most 100. */
  commits(): Promise<readonly TaskCommit[]>;
  /** A part of the patch of one file of a diff. `base` and `tree` are those of the diff. */
  filePatch(file: {
    readonly base: string;
    readonly tree: string;
    readonly path: string;
    readonly oldPath?: string;
    readonly from?: number;
  }): Promise<FilePart>;
  /** Lines of a file in a state of the files, at most 500. Throws `review.no_file`. */
  fileLines(file: {
    readonly tree: string;
    readonly path: string;
    readonly start: number;
    readonly end: number;
  }): Promise<FileLines>;
  /** A part of a file in a state of the files. Throws `review.no_file`, `review.file_too_large`. */
  fileBytes(file: {
    readonly tree: string;
    readonly path: string;
    readonly from?: number;
  }): Promise<FileBytes>;
  /**
   * Entries of a folder: of the workspace without a path, and in the newest state without a tree. Throws `review.no_folder`,
   * `task.not_prepared`.
   */
  savedFolder(folder?: { readonly tree?: string; readonly path?: string }): Promise<SavedFolder>;
  /** Paths, or lines, that contain a text, in any case of letters; at most 200. Throws `task.not_prepared`. */
  searchSaved(search: {
    readonly tree?: string;
    readonly where: "names" | "contents";
    readonly text: string;
  }): Promise<SavedMatches>;
  /**
   * Makes a file or a hunk as it was before. The state before is kept, so that `undoRevert` can take it back. Throws
   * `review.agent_working`, `review.file_changed`; then nothing was changed.
   */
  revert(input: RevertInput): Promise<RevertView>;
  /** Throws `review.agent_working`, `review.file_changed`, `review.revert_not_found`. */
  undoRevert(id: string): Promise<void>;
  review(): Promise<ReviewView>;
  /** Marks up to 200 files as viewed; without `contentId`, as not viewed. The oldest of too many marks are dropped. */
  markViewed(files: readonly { readonly path: string; readonly contentId?: string }[]): Promise<void>;
  /** Saves a draft of a comment. Throws `review.comment_sent`, `review.too_large`. */
  saveComment(comment: ReviewCommentInput): Promise<ReviewComment>;
  /** Settles a comment, or opens it again. Throws `review.comment_not_found`. */
  resolveComment(id: string, isResolved: boolean): Promise<void>;
  /** Deletes a comment, sent or not. Idempotent. */
  deleteComment(id: string): Promise<void>;
  /**
   * Sends those of the comments that were not sent yet as one prompt. Throws `review.comment_not_found`,
   * `review.changed`, `task.prompt_too_long`, `task.queue_full`; then nothing was sent.
   */
  sendReview(commentIds: readonly string[], to?: SessionChoice): Promise<void>;
}
