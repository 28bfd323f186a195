/** Types of the contract by subject: the changes of a task. */

export interface DiffView {
  /** The commit or tree that the files are compared with. */
  readonly base: string;
  /** The state of the files: a git tree. */
  readonly tree: string;
  readonly files: readonly DiffFile[];
  /** True if files or patches were omitted because of the limits. `filePatch` reads an omitted patch. */
  readonly truncated: boolean;
}

export interface DiffFile {
  readonly path: string;
  /** Set if the file was renamed or copied. */
  readonly oldPath?: string;
  readonly status: "added" | "modified" | "deleted" | "renamed" | "copied" | "type-changed";
  readonly additions: number;
  readonly deletions: number;
  readonly binary: boolean;
  /** Names the content that the file has now: two versions of a path are equal if their ids are. */
  readonly contentId: string;
  /** The unified diff of this file; empty for binary files, and if it was omitted. */
  readonly patch: string;
  /** True for files that the user's tools execute when the folder is opened or built (Makefile, .envrc, ...). */
  readonly runsOnYourMachine: boolean;
}
