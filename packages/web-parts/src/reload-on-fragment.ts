/**
 * Loads the page again when one of `names` comes in its fragment: a link that differs from the page's own
 * address by the fragment alone, pasted into its tab, loads nothing by itself, and what it brings would
 * stay in the address unseen.
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
