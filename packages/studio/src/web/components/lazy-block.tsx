import { type ReactNode, useEffect, useRef } from "react";
import { useNearViewport } from "./use-near-viewport.ts";

/**
 * A part of a long list that is drawn only while it is in view. Out of view, an empty element keeps its
 * place with the height that it had last, or `estimatedPx` before it was ever drawn.
 */
export function LazyBlock({
  as: Element = "div",
  estimatedPx,
  force = false,
  className,
  children,
}: {
  readonly as?: "div" | "ul";
  readonly estimatedPx: number;
  /** Draws it wherever it is: something in it is about to be scrolled to. */
  readonly force?: boolean;
  readonly className?: string;
  readonly children: () => ReactNode;
}) {
  const element = useRef<HTMLDivElement & HTMLUListElement>(null);
  const height = useRef(estimatedPx);
  const near = useNearViewport(element);
  const drawn = near || force;
  useEffect(() => {
    const target = element.current;
    if (!drawn || target === null) return;
    // Files are opened and closed while their block is drawn.
    const observer = new ResizeObserver(() => {
      height.current = target.offsetHeight;
    });
    observer.observe(target);
    return () => observer.disconnect();
  }, [drawn]);
  return (
    <Element
      ref={element}
      className={className}
      aria-hidden={drawn ? undefined : true}
      style={drawn ? undefined : { height: height.current }}
    >
      {drawn && children()}
    </Element>
  );
}
