import { useEffect, useRef } from "react";

/** The key for commands of the browser's system, as people write it. */
export const modKey = /mac|iphone|ipad/i.test(navigator.platform) ? "⌘" : "Ctrl";

/**
 * Calls `press` for keys without Ctrl, Alt or Meta, but not while somebody types or a dialog is open. It returns false for
 * a key that has no meaning there.
 */
export function useKeys(press: (event: KeyboardEvent) => boolean): void {
  const latest = useRef(press);
  useEffect(() => {
    latest.current = press;
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isElsewhere()) return;
      if (latest.current(event)) event.preventDefault();
    };
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, []);
}

/** True while keys are for a field or a dialog. */
export function isElsewhere(): boolean {
  const focused = document.activeElement;
  const isTyping =
    focused instanceof HTMLElement &&
    focused.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
  return isTyping || document.querySelector("dialog[open]") !== null;
}
