import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { TaskView } from "../../../../contract.ts";
import { useApi } from "../../../shared/context.ts";
import { savedQuery } from "../../queries.ts";
import { SavedFiles } from "./saved-files.ts";

interface Saved {
  /** Undefined while it is read, and where nothing is saved. */
  readonly source: SavedFiles | undefined;
  readonly savedAt: number | undefined;
  readonly isLoading: boolean;
}

/** The saved state of the files, while the sandbox does not run. */
export function useSavedFiles(task: TaskView, isStopped: boolean): Saved | undefined {
  const api = useApi();
  const { data, isLoading } = useQuery(savedQuery(api, task, isStopped));
  const tree = data?.tree;
  const source = useMemo(
    () => (tree === undefined ? undefined : new SavedFiles(api, task.id, { tree })),
    [api, task.id, tree],
  );
  return isStopped ? { source, savedAt: data?.savedAt, isLoading } : undefined;
}
