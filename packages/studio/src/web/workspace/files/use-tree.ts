/** Files of the workspace: tree, search, editor, drafts. */
import type { FileRef } from "@holdfast/web-parts/sandbox";
import { useQueries } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { directoryQuery } from "../queries.ts";
import { workspaceRoot } from "../task-sandbox.ts";
import { useTaskState } from "../use-task-state.ts";
import type { FileSource } from "./source/file-source.ts";
import { type DirectoryState, foldersAbove, type TreeRow, treeRows } from "./tree-rows.ts";

export interface Tree {
  readonly rows: readonly TreeRow[];
  readonly root: DirectoryState;
  readonly setOpen: (folder: FileRef, open: boolean) => void;
  /** Opens the folders above a file. */
  readonly reveal: (path: string) => void;
}

const onlyRoot: ReadonlySet<FileRef> = new Set([workspaceRoot]);

/** The files of the workspace. Each folder is listed when it is first opened. */
export function useTree(taskId: string, source: FileSource): Tree {
  const [open, setOpenFolders] = useTaskState(taskId, "folders", onlyRoot);
  const folders = useMemo(() => [...open], [open]);
  const listed = useQueries({ queries: folders.map((folder) => directoryQuery(source, folder)) });
  const directories = new Map(
    folders.map((folder, index): [FileRef, DirectoryState] => {
      const { data, error } = listed[index] ?? {};
      return [folder, { entries: data, error }];
    }),
  );
  const setOpen = useCallback(
    (folder: FileRef, isOpen: boolean) =>
      setOpenFolders((known) => {
        const next = new Set(known);
        if (isOpen) next.add(folder);
        else next.delete(folder);
        return next;
      }),
    [setOpenFolders],
  );
  const reveal = useCallback(
    (path: string) => setOpenFolders((known) => new Set([...known, ...foldersAbove(workspaceRoot, path)])),
    [setOpenFolders],
  );
  return {
    rows: treeRows(workspaceRoot, directories),
    root: directories.get(workspaceRoot) ?? {},
    setOpen,
    reveal,
  };
}
