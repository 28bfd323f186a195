import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useLatest } from "../internal/latest.ts";

/** Within this many pixels of its end, a transcript follows what is added. */
const followDistance = 50;
const estimatedHeight = 80;

export interface TranscriptVirtualizer {
  virtualizer: Virtualizer<HTMLDivElement, Element>;
  /** True while the reader is at the end and the transcript stays there. */
  isFollowingRef: RefObject<boolean>;
}

/**
 * Keeps only the visible items of a long list in the page, and keeps the reader where they are: at the
 * end, also while the last item grows, or at the place that they scrolled to. `onAtBottomChange` is
 * called when that changes, and once at first.
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
    // Flushing in the middle of a scroll costs frames, and React warns where it renders already.
    useFlushSync: false,
    ...(getItemKey === undefined ? {} : { getItemKey }),
  });
  // The element that scrolls is around the list, and is known only after the list's first layout.
  const [attached, attach] = useState(false);
  useEffect(() => attach(scrollElementRef?.current != null), [scrollElementRef]);
  useFollow(scrollElementRef, isFollowingRef, onAtBottomChange);
  const end = virtualizer.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever makes the list longer moves its end.
  useLayoutEffect(() => {
    const element = scrollElementRef?.current;
    if (element && isFollowingRef.current) toEnd(element);
  }, [end, items, attached, scrollElementRef]);
  return { virtualizer, isFollowingRef };
}

/** Tells whether the reader is at the end, from how they scroll. */
function useFollow(
  scrollElementRef: RefObject<HTMLDivElement | null> | undefined,
  isFollowingRef: RefObject<boolean>,
  onAtBottomChange: ((atBottom: boolean) => void) | undefined,
): void {
  const changed = useLatest(onAtBottomChange);
  useEffect(() => {
    const element = scrollElementRef?.current;
    if (!element) return;
    let top = element.scrollTop;
    let told: boolean | undefined;
    const look = () => {
      const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
      // Content that grows moves the end away without a scroll; only the reader moves upwards.
      if (distance < followDistance) isFollowingRef.current = true;
      else if (element.scrollTop < top - 1) isFollowingRef.current = false;
      top = element.scrollTop;
      if (told === isFollowingRef.current) return;
      told = isFollowingRef.current;
      changed.current?.(told);
    };
    look();
    element.addEventListener("scroll", look, { passive: true });
    return () => element.removeEventListener("scroll", look);
  }, [scrollElementRef, isFollowingRef, changed]);
}

/** Scrolls a list to its last entry. */
function toEnd(element: HTMLElement): void {
  element.scrollTop = element.scrollHeight;
}
