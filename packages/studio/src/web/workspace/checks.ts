import type { FileRef } from "@holdfast/web-parts/sandbox";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useApi } from "../shared/context.ts";
import { checksQuery } from "../shared/review/checks-query.ts";
import { type LineNote, lineNotes } from "../shared/review/line-notes.ts";
import { workspaceRoot } from "./task-sandbox.ts";
import { useTaskState } from "./use-task-state.ts";

/** What failed checks say about the files as they are now. */
export function useWorkspaceNotes(taskId: string): ReadonlyMap<string, readonly LineNote[]> {
  const { data } = useQuery(checksQuery(useApi(), taskId));
  return useMemo(() => lineNotes(data, ({ staleAt }) => staleAt === undefined), [data]);
}

interface PlaceToShow {
  readonly path: string;
  readonly line: number;
}

/** Shows the line that a person has chosen elsewhere, once, though the workspace is opened again and again. */
export function useShowPlace(
  taskId: string,
  place: PlaceToShow | undefined,
  show: (file: FileRef, line: number) => void,
): void {
  const [done, setDone] = useTaskState<PlaceToShow | undefined>(taskId, "placed", undefined);
  useEffect(() => {
    if (place === undefined || place === done) return;
    setDone(() => place);
    show(`${workspaceRoot}/${place.path}` as FileRef, place.line);
  });
}
