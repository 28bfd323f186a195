/** Moves tasks to other base commits: their files, the workspace's own repository, and the host's clone. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { type Gate, JailLayout } from "@holdfast/gate";
import type { Git } from "../git/git.ts";
import { type BaseCommit, fetchCommit, moveBase, type RebasedTree, rebaseTree } from "../git/rebase.ts";
import { type GuestBundle, guestPrograms } from "../jail/bundle.ts";
import { jailPath, jailPaths } from "../jail/layout.ts";
import type { MoveBaseConfig } from "../jail/move-base.ts";
import type { Mirrors } from "../remotes/mirrors.ts";
import { switchTree } from "./revert.ts";

export interface WorkspaceFolders {
  readonly hostGit: string;
  readonly workspace: string;
}

export interface RebasesOptions {
  readonly gate: Gate;
  readonly git: Git;
  readonly mirrors: Pick<Mirrors, "fetch" | "commitOf">;
  readonly bundle: () => Promise<GuestBundle>;
  /** Folder for temporary files; emptied at the start. */
  readonly snapshotDirectory: string;
  readonly folders: (taskId: string) => WorkspaceFolders;
}

export class TaskRebases {
  readonly #options: RebasesOptions;

  constructor(options: RebasesOptions) {
    this.#options = options;
  }

  /** The newest commit of a branch of a connected repository, in the task's clone from now on. Throws `forge.*`, `repository.*`. */
  async newest(taskId: string, repositoryId: string, branch: string): Promise<string> {
    const { git, mirrors } = this.#options;
    await mirrors.fetch(repositoryId, undefined);
    const found = await mirrors.commitOf(repositoryId, branch);
    await fetchCommit(git, this.#folders(taskId).hostGit, found);
    return found.commit;
  }

  /** What a state of the files becomes on another base. Nothing is changed. */
  tree(
    taskId: string,
    given: { readonly from: string; readonly to: string; readonly tree: string },
  ): Promise<RebasedTree> {
    return rebaseTree(this.#options.git, { ...given, hostGit: this.#folders(taskId).hostGit });
  }

  /**
   * Writes the files of a state over those of another, and makes `base` the commit that the task is based on. Returns false,
   * and has written nothing, if the files are no longer as in `from`.
   */
  async move(
    taskId: string,
    { from, to, base }: { readonly from: string; readonly to: string; readonly base: BaseCommit },
  ): Promise<boolean> {
    const { gate, git, snapshotDirectory: temporary } = this.#options;
    const bundle = await this.#options.bundle();
    const folders = this.#folders(taskId);
    const { hostGit, workspace } = folders;
    const options = { jails: gate.jails, session: taskId, bundle, hostGit, workspace, temporary };
    if (from !== to && !(await switchTree({ ...options, from, to }))) return false;
    await this.#moveWorkspace(taskId, folders, bundle, base.commit);
    await moveBase(git, hostGit, base);
    return true;
  }

  async #moveWorkspace(
    session: string,
    { hostGit, workspace }: WorkspaceFolders,
    bundle: GuestBundle,
    base: string,
  ): Promise<void> {
    const { gate, snapshotDirectory } = this.#options;
    const out = await mkdtemp(join(snapshotDirectory, "base-"));
    try {
      const layout = new JailLayout(!gate.jails.driver.unsafe);
      const config: MoveBaseConfig = {
        gitDir: layout.mount(hostGit, jailPaths.hostGit, "ro"),
        workspace: layout.mount(workspace, jailPaths.workspace, "rw"),
        out: layout.mount(out, jailPaths.out, "rw"),
        base,
      };
      const node = layout.mount(process.execPath, jailPaths.node, "ro");
      const guest = layout.mount(bundle.directory, jailPaths.guest, "ro");
      const result = await gate.jails.runTool({
        session,
        command: node,
        args: [join(guest, guestPrograms.moveBase), JSON.stringify(config)],
        cwd: "/",
        env: { PATH: jailPath },
        mounts: layout.mounts,
        timeoutMs: 120_000,
        maxOutputBytes: 64 * 1024,
      });
      if (result.code === 0) return;
      const reason =
        result.stderr.toString("utf8").trim().slice(-1_000) || result.detail || `exit ${result.code}`;
      throw new HoldfastError("stack", "failed", `The task could not be moved to its new base: ${reason}`);
    } finally {
      await rm(out, { recursive: true, force: true });
    }
  }

  #folders(taskId: string): WorkspaceFolders {
    return this.#options.folders(taskId);
  }
}
