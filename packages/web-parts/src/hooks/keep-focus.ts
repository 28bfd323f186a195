import { type RefObject, useLayoutEffect } from "react";

/**
 * Hands the focus to the panel when a control goes away that has it, as the button of a deleted row
 * does: else whoever works by keyboard would begin at the top of the page.
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
