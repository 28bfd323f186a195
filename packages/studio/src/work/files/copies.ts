import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { copiesFolder } from "../../cluster/archive.ts";
import { directorySize } from "./directory-size.ts";

/** The folders of a task, or of an attempt of it that has a workspace of its own. The host's clone is that of the task. */
export interface WorkFolders {
  readonly directory: string;
  readonly hostGit: string;
  readonly workspace: string;
  readonly home: string;
}

/** Throws `task.not_found` for what is no id. */
export function foldersOf(dataDirectory: string, taskId: string, copy?: string): WorkFolders {
  if (![taskId, copy ?? taskId].every((id) => /^(?:[a-z0-9]{1,16}_)?[0-9a-f-]{36}$/.test(id)))
    throw new HoldfastError("task", "not_found", "There is no such task");
  const task = join(dataDirectory, "tasks", taskId);
  const directory = copy === undefined ? task : join(task, copiesFolder, copy);
  return {
    directory,
    hostGit: join(task, "host.git"),
    workspace: join(directory, "workspace"),
    home: join(directory, "home"),
  };
}

/** The folders of attempts that have a workspace of their own. Agents wrote what is in them: links are never followed. */
export class Copies {
  readonly #dataDirectory: string;
  readonly #maxFiles: number;

  constructor(dataDirectory: string, maxFiles: number) {
    this.#dataDirectory = dataDirectory;
    this.#maxFiles = maxFiles;
  }

  /** False until an attempt has begun. */
  has(taskId: string, copy: string): boolean {
    return existsSync(foldersOf(this.#dataDirectory, taskId, copy).workspace);
  }

  /** What workspace and home of an attempt take on disk; without a copy, those of the task. */
  async size(
    taskId: string,
    copy?: string,
  ): Promise<{ readonly bytes: number; readonly isComplete: boolean }> {
    const { workspace, home } = foldersOf(this.#dataDirectory, taskId, copy);
    const sizes = await Promise.all([workspace, home].map((folder) => directorySize(folder, this.#maxFiles)));
    return {
      bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
      isComplete: sizes.every(({ isComplete }) => isComplete),
    };
  }

  /** Deletes workspace and home of an attempt. Idempotent. */
  async remove(taskId: string, copy: string): Promise<void> {
    const { directory } = foldersOf(this.#dataDirectory, taskId, copy);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }

  /**
   * Moves workspace and home of an attempt to those of the task, which are deleted. A folder that is gone was moved by a
   * run before.
   */
  async keep(taskId: string, copy: string): Promise<void> {
    const from = foldersOf(this.#dataDirectory, taskId, copy);
    const to = foldersOf(this.#dataDirectory, taskId);
    for (const folder of ["home", "workspace"] as const) {
      if (!existsSync(from[folder])) continue;
      await rm(to[folder], { recursive: true, force: true, maxRetries: 3 });
      await rename(from[folder], to[folder]);
    }
    await this.remove(taskId, copy);
  }
}
