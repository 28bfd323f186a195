import { useEffect, useRef, useState } from "react";
import type { DiffFile, ReviewComment } from "../../../contract.ts";
import type { Place } from "../checks/place.ts";
import { fileId } from "./file-list.tsx";
import type { PlaceInFile } from "./use-place-in-file.ts";

/** A file that is shown, and what in it; its block is always rendered. */
export interface Target {
  readonly index: number;
  readonly goTo?: PlaceInFile;
}

/** Leads to files, to the lines of checks, and from comment to comment. */
export function useTarget(
  files: readonly DiffFile[],
  comments: ReadonlyMap<string, readonly ReviewComment[]>,
  place: Place | undefined,
  setOpen: (path: string, open: boolean) => void,
) {
  const [target, setTarget] = useState<Target>();
  const show = (index: number, open = true, goTo?: PlaceInFile) => {
    const path = files[index]?.path;
    if (path === undefined) return;
    if (open) setOpen(path, true);
    setTarget({ index, ...(goTo === undefined ? {} : { goTo }) });
  };
  useEffect(() => {
    if (target !== undefined) revealFile(fileId(target.index), target.goTo === undefined);
  }, [target]);
  const shownPlace = useRef<Place>(undefined);
  useEffect(() => {
    if (place === undefined || shownPlace.current === place) return;
    shownPlace.current = place;
    const index = files.findIndex(({ path }) => path === place.path);
    show(index, true, { line: place.line });
  });
  const nextComment = (from: string | undefined, step: 1 | -1) => {
    const ordered = files.flatMap(({ path }, index) =>
      (comments.get(path) ?? [])
        .toSorted((a, b) => a.startLine - b.startLine)
        .map(({ id }) => ({ id, index })),
    );
    const at = ordered.findIndex(({ id }) => id === from);
    const next = at < 0 ? ordered.at(step === 1 ? 0 : -1) : ordered[at + step];
    if (next !== undefined) show(next.index, true, { comment: next.id });
  };
  return { target, show, nextComment };
}

/** Scrolls to a file's section, and focuses it unless something in it gets the focus. */
function revealFile(id: string, takesFocus: boolean): void {
  const section = document.getElementById(id);
  if (section === null) return;
  section.scrollIntoView({ block: "start" });
  if (takesFocus) section.querySelector<HTMLElement>(".file-toggle")?.focus({ preventScroll: true });
}
