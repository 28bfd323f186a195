import { type RefObject, useLayoutEffect } from "react";

/**
 * Moves the focus to the panel when the focused control disappears, such as the button of a deleted row, with the
 * dialog that it opened. Otherwise keyboard users would restart at the top of the page.
 */
export function useKeepFocus(control: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = control.current;
    return () => {
      const focused = document.activeElement;
      // While a modal dialog is open, a focus on the body was that of a button which the dialog disabled.
      const inDialog = isNowhere(focused)
        ? document.querySelector("dialog[open]") !== null
        : focused.closest("dialog") !== null;
      if (focused !== element && !inDialog) return;
      // An open dialog keeps the focus from the rest of the page until it is removed, with this control.
      queueMicrotask(() => {
        if (!isNowhere(document.activeElement)) return;
        const panel = document.querySelector<HTMLElement>("[role=tabpanel][tabindex]");
        (panel ?? document.querySelector("main"))?.focus({ preventScroll: true });
      });
    };
  }, [control]);
}

function isNowhere(focused: Element | null): focused is null | HTMLBodyElement {
  return focused === null || focused === document.body;
}
