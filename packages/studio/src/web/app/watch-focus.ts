/**
 * Tells when a person comes to the page, also from another window: TanStack Query by itself sees only the
 * tabs of one, and a page beside a terminal is visible all the time.
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
