import { type PointerEvent, type RefObject, useEffect, useMemo, useRef } from "react";
import type { TranscriptItem } from "../../../../transcript.ts";
import { landmarksOf } from "./landmarks.ts";

/**
 * A map beside a long conversation: prompts, questions and failures by their place, and the part that is in view. A click
 * goes there. Pointers alone use it: with keys, one goes from prompt to prompt.
 */
export function ConversationMap({
  items,
  start,
  scroller,
  onGo,
}: {
  readonly items: readonly TranscriptItem[];
  /** The first entry that the scroller has. */
  readonly start: number;
  readonly scroller: RefObject<HTMLElement | null>;
  readonly onGo: (index: number) => void;
}) {
  const marks = useMemo(() => landmarksOf(items), [items]);
  const view = useRef<HTMLDivElement>(null);
  const { length } = items;
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    let frame: number | undefined;
    const draw = () => {
      frame = undefined;
      if (view.current === null) return;
      const { scrollTop, scrollHeight, clientHeight } = element;
      const placeOf = (pixels: number) => (start + (pixels / scrollHeight) * (length - start)) / length;
      const [top, bottom] = [placeOf(scrollTop), placeOf(scrollTop + clientHeight)];
      view.current.style.top = `${100 * top}%`;
      view.current.style.height = `${Math.max(1, 100 * (bottom - top))}%`;
    };
    const later = () => {
      frame ??= requestAnimationFrame(draw);
    };
    later();
    element.addEventListener("scroll", later, { passive: true });
    return () => {
      if (frame !== undefined) cancelAnimationFrame(frame);
      element.removeEventListener("scroll", later);
    };
  }, [scroller, start, length]);
  const go = (event: PointerEvent<HTMLDivElement>) => {
    const { top, height } = event.currentTarget.getBoundingClientRect();
    const place = (event.clientY - top) / height;
    onGo(Math.max(0, Math.min(length - 1, Math.floor(place * length))));
  };
  return (
    <div className="conversation-map" aria-hidden="true" onPointerDown={go}>
      <div className="conversation-map-view" ref={view} />
      {marks.map(({ at, kind }) => (
        <span
          key={at}
          className={`conversation-map-mark conversation-map-${kind}`}
          style={{ top: `${100 * at}%` }}
        />
      ))}
    </div>
  );
}
