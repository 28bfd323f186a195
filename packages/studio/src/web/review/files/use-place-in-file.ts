import { useEffect, useMemo, useRef } from "react";
import type { PatchHunk } from "../../shared/diff/patch.ts";
import { isInDiff } from "../comments/locate.ts";
import type { GoTo } from "../lines/review-lines.tsx";

/** A line of the new side, or a comment; each object is shown once. */
export interface PlaceInFile {
  readonly line?: number;
  readonly comment?: string;
}

/** What to scroll to: a comment, or a line, which is loaded first if it is hidden. */
export function usePlaceInFile(
  goTo: PlaceInFile | undefined,
  lines: ReadonlyMap<string, string>,
  hunks: readonly PatchHunk[],
  load: (range: { readonly start: number; readonly end: number }) => void,
): GoTo | undefined {
  const asked = useRef<PlaceInFile | undefined>(undefined);
  const line = goTo?.line;
  const isHidden =
    line !== undefined && hunks.length > 0 && !isInDiff(hunks, { side: "new", start: line, end: line });
  useEffect(() => {
    if (!isHidden || line === undefined || asked.current === goTo) return;
    asked.current = goTo;
    load({ start: Math.max(1, line - 3), end: line + 3 });
  }, [isHidden, line, goTo, load]);
  return useMemo(() => {
    if (goTo?.line !== undefined) return { line: `new:${goTo.line}` };
    const at = goTo?.comment === undefined ? undefined : lines.get(goTo.comment);
    return at === undefined ? undefined : { line: at, selector: `[data-comment-id="${goTo?.comment}"]` };
  }, [goTo, lines]);
}
