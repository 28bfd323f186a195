/**
 * Reports when the user returns to the page, also from another window: TanStack Query by itself only sees changes of
 * tabs, and a page beside a terminal is always visible.
 */
export function watchFocus(onFocus: () => void): () => void {
  const listener = () => onFocus();
  window.addEventListener("focus", listener);
  document.addEventListener("visibilitychange", listener);
  return () => {
    window.removeEventListener("focus", listener);
    document.removeEventListener("visibilitychange", listener);
  };
}
