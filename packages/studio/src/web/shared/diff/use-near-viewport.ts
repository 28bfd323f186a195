import { type RefObject, useEffect, useState } from "react";

/** How far outside of the viewport content is rendered, so that scrolling shows no gaps. */
const marginPx = 1_000;

/**
 * True while the element is in or near the viewport. An element with the focus counts as near, so that scrolling never
 * removes the focus. False on the first render, so that a long list renders only what it needs.
 */
export function useNearViewport(element: RefObject<HTMLElement | null>): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const entry = entries.at(-1);
        if (entry !== undefined) setNear(entry.isIntersecting || target.contains(document.activeElement));
      },
      // The margin applies to the root only, so the root has to be the scrolling element.
      { root: scrollContainerOf(target), rootMargin: `${marginPx}px 0px` },
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return near;
}

/** The closest vertically scrolling ancestor; null, which means the window, if there is none. */
function scrollContainerOf(element: HTMLElement): HTMLElement | null {
  for (let parent = element.parentElement; parent !== null; parent = parent.parentElement) {
    const { overflowY } = getComputedStyle(parent);
    const scrolls = overflowY === "auto" || overflowY === "scroll";
    // `.diff-scroll` computes to auto in both directions and scrolls sideways only.
    if (scrolls && !parent.classList.contains("diff-scroll")) return parent;
  }
  return null;
}
