/**
 * Reloads the page when one of `names` appears in its fragment. A pasted link that differs only in the fragment loads
 * nothing by itself, so the page would never read the new value.
 */
export function reloadOnFragment(
  names: readonly string[],
  page: Pick<Window, "addEventListener" | "location"> = window,
): void {
  page.addEventListener("hashchange", () => {
    const fragment = new URLSearchParams(page.location.hash.slice(1));
    if (names.some((name) => fragment.has(name))) page.location.reload();
  });
}
