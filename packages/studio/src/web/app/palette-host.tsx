import { appPart, SearchIcon } from "@holdfast/web-parts";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { modKey } from "../shared/keys.ts";

/** Loaded when it is first opened. */
const Palette = lazy(
  appPart(async () => {
    const part = await import("../palette/palette.tsx");
    return { default: part.Palette };
  }),
);

/** The button of the command palette, and its key on every screen. */
export function PaletteHost() {
  // Each opening has a dialog of its own: the event that one has closed may come after the next was asked for.
  const [opening, setOpening] = useState(0);
  const [closed, setClosed] = useState(0);
  const open = useCallback(() => setOpening((last) => last + 1), []);
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      const isKey = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
      if (!isKey || event.shiftKey || event.altKey || event.defaultPrevented) return;
      const other = document.querySelector("dialog[open]:not(.palette)");
      if (other !== null) return;
      event.preventDefault();
      const shown = document.querySelector<HTMLDialogElement>("dialog.palette[open]");
      if (shown === null) open();
      else shown.close();
    };
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, [open]);
  return (
    <>
      <button
        type="button"
        className="palette-button"
        aria-haspopup="dialog"
        aria-keyshortcuts="Control+K Meta+K"
        onClick={open}
      >
        <SearchIcon />
        <span>Find</span>
        <kbd>{modKey} K</kbd>
      </button>
      {opening !== closed && (
        <Suspense>
          <Palette key={opening} onClose={() => setClosed(opening)} />
        </Suspense>
      )}
    </>
  );
}
