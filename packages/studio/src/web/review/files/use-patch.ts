import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { DiffFile } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import type { StudioApi } from "../../shared/port.ts";
import { type DiffSource, useDiffSource } from "../compare/diff-source.ts";

/** Longer changes are loaded when a person asks for them. */
const loadBelowLines = 2_000;
/** How long a patch that is no longer shown stays in memory. */
const keptMs = 30_000;

/** How long a file is shown until its patch is read. */
const settleMs = 150;

/** True once the component has been shown for a moment. */
function useSettled(): boolean {
  const [isSettled, setSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), settleMs);
    return () => clearTimeout(timer);
  }, []);
  return isSettled;
}

/** The patch of a file. One that was too large for the diff is read on its own. */
export function usePatch(file: DiffFile) {
  const api = useApi();
  const source = useDiffSource();
  const lines = file.additions + file.deletions;
  const isOmitted = file.patch === "" && !file.binary && lines > 0;
  const [isWanted, setWanted] = useState(lines <= loadBelowLines);
  // Files that only pass by are not read.
  const isShown = useSettled();
  const { base, tree } = source.diff;
  const query = useQuery({
    queryKey: ["patch", source.taskId, base, tree, file.path],
    queryFn: ({ signal }) => readPatch(api, source, file, signal),
    enabled: isOmitted && isWanted && isShown,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: keptMs,
  });
  return {
    patch: isOmitted ? (query.data ?? "") : file.patch,
    isOmitted: isOmitted && query.data === undefined,
    isLoading: isOmitted && isWanted && query.data === undefined && !query.isError,
    error: query.error,
    lines,
    load: () => {
      setWanted(true);
      if (query.isError) void query.refetch();
    },
  };
}

async function readPatch(
  api: StudioApi,
  { taskId, diff: { base, tree } }: DiffSource,
  { path, oldPath }: DiffFile,
  signal: AbortSignal,
): Promise<string> {
  const parts: string[] = [];
  const file = { base, tree, path, ...(oldPath === undefined ? {} : { oldPath }) };
  for (let from: number | null = 0; from !== null; ) {
    const { text, next }: { text: string; next: number | null } = await api
      .task(taskId)
      .filePatch({ ...file, from });
    signal.throwIfAborted();
    parts.push(text);
    from = next;
  }
  return parts.join("");
}
