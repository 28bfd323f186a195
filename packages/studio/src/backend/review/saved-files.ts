import { HoldfastError } from "@holdfast/core";
import type { TaskChanges } from "../../changes/task-changes.ts";
import type { FilesContext, TaskFiles } from "../../cluster/task-files.ts";
import type { SavedFolder, SavedMatches } from "../../contract/review.ts";
import type { TaskState } from "../task-state.ts";
import { readSavedFolder, readSavedSearch } from "./input.ts";

type SavedFilesContext = Pick<FilesContext, "keepAwake"> & FilesContext;

/** The actions about the files as they were seen last. They start no jail, and so work while the sandbox is stopped. */
export function savedFilesActions<Context extends SavedFilesContext>(
  changes: Pick<TaskChanges, "folder" | "search">,
  files: Pick<TaskFiles, "bring">,
) {
  return {
    async savedFolder(c: Context, given?: unknown): Promise<SavedFolder> {
      const { tree: wanted, path } = readSavedFolder(given);
      await files.bring(c);
      const { tree, savedAt } = newestState(c.state);
      const folder = await changes.folder(c.state.id, wanted ?? tree, path);
      const isNewest = wanted === undefined || wanted === tree;
      return { tree: wanted ?? tree, ...(isNewest && savedAt !== undefined ? { savedAt } : {}), ...folder };
    },

    async searchSaved(c: Context, given: unknown): Promise<SavedMatches> {
      const { tree, where, text } = readSavedSearch(given);
      await files.bring(c);
      return changes.search(c.state.id, tree ?? newestState(c.state).tree, where, text);
    },
  };
}

/** Throws `task.not_prepared`. */
function newestState({ seenTree, turnTrees = [], base }: TaskState): {
  readonly tree: string;
  readonly savedAt?: number;
} {
  if (seenTree !== undefined) return { tree: seenTree.tree, savedAt: seenTree.at };
  // States of earlier versions know the ends of turns alone.
  const tree = turnTrees.at(-1)?.tree ?? base?.commit;
  if (tree !== undefined) return { tree };
  const message = "The repository has not been cloned yet. Try again in a moment.";
  throw new HoldfastError("task", "not_prepared", message, { statusCode: 409 });
}
