/** The changes of tasks in this process: states of the files as git trees, their comparison, and reverts. */
import type { DiffView } from "../contract/diff.ts";
import type {
  FileBytes,
  FileLines,
  FilePart,
  HunkPlace,
  RevertInput,
  SavedMatches,
  TaskCommit,
} from "../contract/review.ts";
import { diffTrees } from "../git/diff.ts";
import { readBase } from "../git/prepare.ts";
import { type SnapshotOptions, snapshotTree } from "../git/snapshot.ts";
import { readCommits, treesOfCommit } from "./commits.ts";
import { readBytes, readLines, readPatch } from "./file-content.ts";
import { type RebasesOptions, TaskRebases, type WorkspaceFolders } from "./rebase-task.ts";
import { fileChanged, type RestoredPaths, restoredTree, revertedTree, switchTree } from "./revert.ts";
import { readFolder, searchTree } from "./saved-files.ts";

export interface TaskChangesOptions extends RebasesOptions {
  /** Folders of a task, or of a copy of its workspace. Throws `task.not_found`. */
  readonly folders: (taskId: string, copy?: string) => WorkspaceFolders;
}

/** What a revert has changed: the states before and after it, and the paths in which they differ. */
export interface Reverted {
  readonly before: string;
  readonly after: string;
  readonly paths: readonly string[];
}

export class TaskChanges {
  readonly #options: TaskChangesOptions;
  readonly rebases: TaskRebases;

  constructor(options: TaskChangesOptions) {
    this.#options = options;
    this.rebases = new TaskRebases(options);
  }

  /** Writes a git tree of the complete workspace and returns its id. */
  async snapshot(taskId: string, copy?: string): Promise<string> {
    return snapshotTree(this.#options.git, await this.#snapshotOptions(taskId, copy));
  }

  /** Compares the files as they are with a commit or a tree. */
  async diff(taskId: string, base: string, copy?: string): Promise<DiffView> {
    const tree = await this.snapshot(taskId, copy);
    return diffTrees(this.#options.git, this.#hostGit(taskId), base, tree);
  }

  /** Compares a commit of the agent with its parent. Throws `review.commit_not_found`. */
  async commitDiff(taskId: string, commit: string): Promise<DiffView> {
    const { git } = this.#options;
    const hostGit = this.#hostGit(taskId);
    const { base, tree } = await treesOfCommit(git, hostGit, commit);
    return diffTrees(git, hostGit, base, tree);
  }

  async commits(taskId: string): Promise<readonly TaskCommit[]> {
    const { git } = this.#options;
    const { commit } = await readBase(git, this.#hostGit(taskId));
    return readCommits(git, await this.#snapshotOptions(taskId), commit);
  }

  patch(
    taskId: string,
    file: { readonly base: string; readonly tree: string; readonly path: string; readonly oldPath?: string },
    from: number,
  ): Promise<FilePart> {
    return readPatch(this.#options.git, { ...file, hostGit: this.#hostGit(taskId) }, from);
  }

  lines(taskId: string, tree: string, path: string, start: number, end: number): Promise<FileLines> {
    return readLines(this.#options.git, { hostGit: this.#hostGit(taskId), tree, path }, start, end);
  }

  bytes(taskId: string, tree: string, path: string, from: number): Promise<FileBytes> {
    return readBytes(this.#options.git, { hostGit: this.#hostGit(taskId), tree, path }, from);
  }

  /** Entries of a folder in a state of the files. Throws `review.no_folder`. */
  folder(taskId: string, tree: string, path: string) {
    return readFolder(this.#options.git, { hostGit: this.#hostGit(taskId), tree }, path);
  }

  search(taskId: string, tree: string, where: "names" | "contents", text: string): Promise<SavedMatches> {
    return searchTree(this.#options.git, { hostGit: this.#hostGit(taskId), tree }, where, text);
  }

  /**
   * Makes a file or a hunk as it is in `base`. `beforeWrite` gets what will be changed right before it is, and throws to
   * prevent it. Throws `review.file_changed`, `review.path_taken`.
   */
  async revert(
    taskId: string,
    base: string,
    { path, contentId, hunk }: Pick<RevertInput, "path" | "contentId" | "hunk">,
    beforeWrite: (reverted: Reverted) => Promise<void>,
  ): Promise<Reverted> {
    const { git, snapshotDirectory } = this.#options;
    const hostGit = this.#hostGit(taskId);
    const diff = await this.diff(taskId, base);
    const file = diff.files.find((each) => each.path === path);
    if (file === undefined || file.contentId !== contentId) throw fileChanged(path);
    const { oldPath } = file.status === "renamed" ? file : {};
    const source = { hostGit, base, tree: diff.tree, path, ...(oldPath === undefined ? {} : { oldPath }) };
    if (hunk !== undefined && !(await this.#hasHunk(taskId, { ...source }, hunk))) throw fileChanged(path);
    const after = await revertedTree(
      git,
      { ...source, ...(hunk === undefined ? {} : { hunk }) },
      snapshotDirectory,
    );
    const paths = oldPath === undefined ? [path] : [path, oldPath];
    const reverted = { before: diff.tree, after, paths };
    await this.#switch(taskId, diff.tree, after, path, () => beforeWrite(reverted));
    return reverted;
  }

  /** Takes a revert back. Returns the state after it. Throws `review.file_changed`, `review.path_taken`. */
  async restore(
    taskId: string,
    reverted: Omit<RestoredPaths, "tree">,
    beforeWrite: () => Promise<void>,
  ): Promise<string> {
    const { git, snapshotDirectory } = this.#options;
    const tree = await this.snapshot(taskId);
    const to = await restoredTree(git, this.#hostGit(taskId), { ...reverted, tree }, snapshotDirectory);
    await this.#switch(taskId, tree, to, reverted.paths[0] ?? "", beforeWrite);
    return to;
  }

  async #switch(
    taskId: string,
    from: string,
    to: string,
    path: string,
    beforeWrite: () => Promise<void>,
  ): Promise<void> {
    const { gate, bundle, snapshotDirectory, folders } = this.#options;
    const { hostGit, workspace } = folders(taskId);
    const options = { jails: gate.jails, bundle: await bundle(), hostGit, workspace, session: taskId };
    await beforeWrite();
    const isDone = await switchTree({ ...options, from, to, temporary: snapshotDirectory });
    if (!isDone) throw fileChanged(path);
  }

  async #hasHunk(
    taskId: string,
    file: { readonly base: string; readonly tree: string; readonly path: string; readonly oldPath?: string },
    { oldStart, oldLines, newStart, newLines }: HunkPlace,
  ): Promise<boolean> {
    for (let from: number | null = 0; from !== null; ) {
      const part: FilePart = await this.patch(taskId, file, from);
      // A line of content begins with a blank, "+", "-" or "\".
      for (const [, ...numbers] of part.text.matchAll(/^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/gm)) {
        const [a, b = "1", c, d = "1"] = numbers;
        if (
          Number(a) === oldStart &&
          Number(b) === oldLines &&
          Number(c) === newStart &&
          Number(d) === newLines
        )
          return true;
      }
      from = part.next;
    }
    return false;
  }

  #hostGit(taskId: string): string {
    return this.#options.folders(taskId).hostGit;
  }

  async #snapshotOptions(taskId: string, copy?: string): Promise<SnapshotOptions> {
    const { gate, bundle, snapshotDirectory, folders } = this.#options;
    const { hostGit, workspace } = folders(taskId, copy);
    return {
      ...{ jails: gate.jails, bundle: await bundle(), hostGit, workspace, session: taskId },
      temporary: snapshotDirectory,
    };
  }
}
