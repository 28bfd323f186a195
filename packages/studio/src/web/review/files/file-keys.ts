import type { KeyboardEvent, RefObject } from "react";
import { flushSync } from "react-dom";
import type { DiffFile } from "../../../contract.ts";
import { fileId } from "./file-list.tsx";

/** Single keys of a review. They work only while the focus is in it, so that they never disturb typing elsewhere. */
export function fileKeys({
  files,
  root,
  target,
  show,
  viewed,
  setViewed,
  setOpen,
  nextComment,
}: {
  readonly files: readonly DiffFile[];
  readonly root: RefObject<HTMLElement | null>;
  /** Index of the file that was shown last. */
  readonly target?: number;
  readonly show: (index: number, open: boolean) => void;
  readonly viewed: ReadonlySet<string>;
  readonly setViewed: (file: DiffFile, viewed: boolean) => void;
  readonly setOpen: (path: string, open: boolean) => void;
  /** Shows the comment after this one, or before it; from the first without one. */
  readonly nextComment: (from: string | undefined, step: 1 | -1) => void;
}): (event: KeyboardEvent) => void {
  return (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || isEditable(event.target)) return;
    const index = currentFile(event.target, root.current) ?? target;
    const file = files[index ?? 0];
    if (file === undefined) return;
    switch (event.key) {
      case "j":
      case "n":
        show(Math.min((index ?? -1) + 1, files.length - 1), false);
        break;
      case "k":
      case "p":
        show(Math.max((index ?? 1) - 1, 0), false);
        break;
      case "]":
      case "[":
        nextComment(currentComment(event.target), event.key === "]" ? 1 : -1);
        break;
      case "v":
        setViewed(file, !viewed.has(file.path));
        break;
      case "c": {
        flushSync(() => setOpen(file.path, true));
        const section = document.getElementById(fileId(index ?? 0));
        const changed = section?.querySelector<HTMLElement>(":is(.diff-added, .diff-removed) .line-button");
        (changed ?? section?.querySelector<HTMLElement>(".line-button"))?.click();
        break;
      }
      default:
        return;
    }
    event.preventDefault();
  };
}

function isEditable(target: EventTarget): boolean {
  return (
    target instanceof Element &&
    target.closest("textarea, select, dialog, input:not([type=checkbox])") !== null
  );
}

/** Index of the file that has the focus. */
function currentFile(target: EventTarget, root: HTMLElement | null): number | undefined {
  const section = target instanceof Element ? target.closest(".file-diff") : null;
  if (section === null || root?.contains(section) !== true) return undefined;
  return Number(section.id.slice(fileId(0).length - 1));
}

/** Id of the comment that has the focus. */
function currentComment(target: EventTarget): string | undefined {
  return target instanceof Element
    ? target.closest<HTMLElement>(".comment")?.dataset["commentId"]
    : undefined;
}
