import { type RefObject, useLayoutEffect, useRef } from "react";

/** Keeps a scrolling list at its end, unless the user has scrolled back. */
export function useStickToEnd(list: RefObject<HTMLElement | null>, last: unknown): () => void {
  const atEnd = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `last` is what makes the list grow.
  useLayoutEffect(() => {
    const element = list.current;
    if (element !== null && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [list, last]);
  return () => {
    const element = list.current;
    if (element === null) return;
    atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
  };
}
