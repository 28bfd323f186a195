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
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      const isKey = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
      if (!isKey || event.shiftKey || event.altKey || event.defaultPrevented) return;
      const other = document.querySelector("dialog[open]:not(.palette)");
      if (other !== null) return;
      event.preventDefault();
      const shown = document.querySelector<HTMLDialogElement>("dialog.palette");
      if (shown === null) setOpen(true);
      else shown.close();
    };
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, []);
  return (
    <>
      <button
        type="button"
        className="palette-button"
        aria-haspopup="dialog"
        aria-keyshortcuts="Control+K Meta+K"
        onClick={() => setOpen(true)}
      >
        <SearchIcon />
        <span>Find</span>
        <kbd>{modKey} K</kbd>
      </button>
      {open && (
        <Suspense>
          <Palette onClose={close} />
        </Suspense>
      )}
    </>
  );
}
