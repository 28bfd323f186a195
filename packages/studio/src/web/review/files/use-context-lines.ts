import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { DiffFile } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import type { PatchHunk } from "../../shared/diff/patch.ts";
import { useDiffSource } from "../compare/diff-source.ts";
import { type ShownHunks, withContext } from "../lines/context.ts";

interface Loaded {
  readonly lines: ReadonlyMap<number, string>;
  readonly total?: number;
}

const nothing: Loaded = { lines: new Map() };

/** The hunks of a file with the unchanged lines that a person has asked for. */
export function useContextLines(file: DiffFile, hunks: readonly PatchHunk[]) {
  const api = useApi();
  const { taskId, diff } = useDiffSource();
  // Lines of another content do not belong to these hunks.
  const version = `${diff.base} ${file.contentId}`;
  const [kept, setKept] = useState({ version, loaded: nothing });
  const loaded = kept.version === version ? kept.loaded : nothing;
  const load = useMutation({
    mutationFn: ({ start, end }: { readonly start: number; readonly end: number }) =>
      api.task(taskId).fileLines({ tree: diff.tree, path: file.path, start, end }),
    onSuccess: ({ start, lines, total }) =>
      setKept((known) => {
        const all = new Map(known.version === version ? known.loaded.lines : nothing.lines);
        for (const [index, text] of lines.entries()) all.set(start + index, text);
        return { version, loaded: { lines: all, total } };
      }),
  });
  const shown = useMemo((): ShownHunks => {
    if (file.status === "added" || file.status === "deleted")
      return { hunks, before: hunks.map(() => undefined), after: undefined };
    return withContext(hunks, loaded.lines, loaded.total);
  }, [file.status, hunks, loaded]);
  return { shown, load };
}
