import { type RefObject, useLayoutEffect } from "react";

/**
 * Moves the focus to the panel when the focused control disappears, such as the button of a deleted row. Otherwise
 * keyboard users would restart at the top of the page.
 */
export function useKeepFocus(control: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = control.current;
    return () => {
      const focused = document.activeElement;
      const lost = focused !== null && (focused === element || focused.closest("dialog") !== null);
      if (!lost) return;
      const panel = document.querySelector<HTMLElement>("[role=tabpanel][tabindex]");
      (panel ?? document.querySelector("main"))?.focus({ preventScroll: true });
    };
  }, [control]);
}
