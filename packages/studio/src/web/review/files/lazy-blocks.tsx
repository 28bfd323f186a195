import { type ReactNode, useEffect, useRef } from "react";
import { chunk } from "../../shared/diff/chunk.ts";
import { useNearViewport } from "../../shared/diff/use-near-viewport.ts";

/** Items of one block: what is rendered beyond the view is rounded up to it. */
const blockItems = 20;
/** Items of one group: the browser watches the blocks of the groups near the view, and elsewhere a group as a whole. */
const groupItems = 100;

/** A long list, of which only the items in or near the view are rendered. */
export function LazyBlocks<Item>({
  items,
  as,
  className,
  estimatedPx,
  forced,
  children,
}: {
  readonly items: readonly Item[];
  /** Element of each block. */
  readonly as?: "div" | "ul";
  /** Of blocks and groups. */
  readonly className?: string;
  /** Height of an item until its block has been rendered. */
  readonly estimatedPx: number;
  /** Index of an item that is rendered in any case, because something in it will be scrolled to. */
  readonly forced?: number | undefined;
  readonly children: (item: Item, index: number) => ReactNode;
}) {
  const classes = className === undefined ? {} : { className };
  const hasForced = (start: number, count: number) =>
    forced !== undefined && forced >= start && forced < start + count;
  return chunk(items, groupItems).map((group, place) => {
    const start = place * groupItems;
    return (
      <LazyBlock
        key={start}
        {...classes}
        estimatedPx={group.length * estimatedPx}
        force={hasForced(start, group.length)}
      >
        {() =>
          chunk(group, blockItems).map((block, at) => {
            const first = start + at * blockItems;
            return (
              <LazyBlock
                key={first}
                {...classes}
                {...(as === undefined ? {} : { as })}
                estimatedPx={block.length * estimatedPx}
                force={hasForced(first, block.length)}
              >
                {() => block.map((item, index) => children(item, first + index))}
              </LazyBlock>
            );
          })
        }
      </LazyBlock>
    );
  });
}

/**
 * A part of a long list that is rendered only while it is in view. Out of view, an empty element has its last height,
 * or `estimatedPx` before it was first rendered.
 */
function LazyBlock({
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
