import { type RefObject, useEffect, useState } from "react";

/** How far beyond the visible part of the scroll container content is drawn, so that scrolling shows no gaps. */
const marginPx = 1_000;

/**
 * True while the element is in view or close to it. An element that holds the focus counts as near, so that
 * scrolling never takes the focus away. False on the first render: a long list draws nothing it does not need.
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
      // The margin applies to the root alone, so the root has to be the element that scrolls.
      { root: scrollContainerOf(target), rootMargin: `${marginPx}px 0px` },
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return near;
}

/** The closest ancestor that scrolls vertically; null, which means the window, where there is none. */
function scrollContainerOf(element: HTMLElement): HTMLElement | null {
  for (let parent = element.parentElement; parent !== null; parent = parent.parentElement) {
    const { overflowY } = getComputedStyle(parent);
    const scrolls = overflowY === "auto" || overflowY === "scroll";
    // `.diff-scroll` computes to auto in both directions and scrolls sideways only.
    if (scrolls && !parent.classList.contains("diff-scroll")) return parent;
  }
  return null;
}
