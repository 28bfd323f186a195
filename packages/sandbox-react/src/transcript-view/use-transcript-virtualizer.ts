import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useLatest } from "../internal/latest.ts";

/** Within this many pixels of its end, a transcript follows new entries. */
const followDistance = 50;
const estimatedHeight = 80;

export interface TranscriptVirtualizer {
  virtualizer: Virtualizer<HTMLDivElement, Element>;
  /** True while the reader is at the end and the transcript stays there. */
  isFollowingRef: RefObject<boolean>;
}

/**
 * Renders only the visible items of a long list, and keeps the reader's position: at the end, also while the last item
 * grows, or wherever they have scrolled to. `onAtBottomChange` is called initially and when that changes.
 */
export function useTranscriptVirtualizer<T>(
  items: readonly T[],
  scrollElementRef?: RefObject<HTMLDivElement | null>,
  onAtBottomChange?: (atBottom: boolean) => void,
  getItemKey?: (index: number) => string | number,
): TranscriptVirtualizer {
  const isFollowingRef = useRef(true);
  const virtualizer = useVirtualizer<HTMLDivElement, Element>({
    count: items.length,
    getScrollElement: () => scrollElementRef?.current ?? null,
    estimateSize: () => estimatedHeight,
    overscan: 10,
    // Flushing synchronously during a scroll costs frames, and React warns about it during rendering.
    useFlushSync: false,
    ...(getItemKey === undefined ? {} : { getItemKey }),
  });
  // The scrolling element is an ancestor of the list, and is known only after the list's first layout.
  const [attached, attach] = useState(false);
  useEffect(() => attach(scrollElementRef?.current != null), [scrollElementRef]);
  useFollowEnd(scrollElementRef, isFollowingRef, onAtBottomChange);
  const end = virtualizer.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever makes the list longer moves its end.
  useLayoutEffect(() => {
    const element = scrollElementRef?.current;
    if (element && isFollowingRef.current) scrollToEnd(element);
  }, [end, items, attached, scrollElementRef]);
  return { virtualizer, isFollowingRef };
}

/** Tracks whether the reader is at the end. */
function useFollowEnd(
  scrollElementRef: RefObject<HTMLDivElement | null> | undefined,
  isFollowingRef: RefObject<boolean>,
  onAtBottomChange: ((atBottom: boolean) => void) | undefined,
): void {
  const listener = useLatest(onAtBottomChange);
  useEffect(() => {
    const element = scrollElementRef?.current;
    if (!element) return;
    let top = element.scrollTop;
    let reported: boolean | undefined;
    const onScroll = () => {
      const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
      // Growing content moves the end away without a scroll event; only the reader scrolls up.
      if (distance < followDistance) isFollowingRef.current = true;
      else if (element.scrollTop < top - 1) isFollowingRef.current = false;
      top = element.scrollTop;
      if (reported === isFollowingRef.current) return;
      reported = isFollowingRef.current;
      listener.current?.(reported);
    };
    onScroll();
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, [scrollElementRef, isFollowingRef, listener]);
}

/** Scrolls a list to its last entry. */
function scrollToEnd(element: HTMLElement): void {
  element.scrollTop = element.scrollHeight;
}
