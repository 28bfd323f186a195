import { type ReactNode, useEffect, useRef } from "react";
import { useNearViewport } from "../../shared/diff/use-near-viewport.ts";

/**
 * A part of a long list that is rendered only while it is in view. Out of view, an empty element has its last height,
 * or `estimatedPx` before it was first rendered.
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
  /** Renders it in any case, because something in it will be scrolled to. */
  readonly force?: boolean;
  readonly className?: string;
  readonly children: () => ReactNode;
}) {
  const element = useRef<HTMLDivElement & HTMLUListElement>(null);
  const height = useRef(estimatedPx);
  const near = useNearViewport(element);
  const rendered = near || force;
  useEffect(() => {
    const target = element.current;
    if (!rendered || target === null) return;
    // Files are expanded and collapsed while their block is rendered.
    const observer = new ResizeObserver(() => {
      height.current = target.offsetHeight;
    });
    observer.observe(target);
    return () => observer.disconnect();
  }, [rendered]);
  return (
    <Element
      ref={element}
      className={className}
      aria-hidden={rendered ? undefined : true}
      style={rendered ? undefined : { height: height.current }}
    >
      {rendered && children()}
    </Element>
  );
}
