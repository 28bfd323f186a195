import { memo, useEffect, useRef, useState } from "react";
import type { TranscriptItem } from "../../../transcript.ts";
import { chunk } from "../../shared/diff/chunk.ts";
import { TranscriptEntry } from "./transcript-entry.tsx";

/** Entries of one block. */
const blockSize = 50;
/** Fewer are all on the page. */
const keepsBelow = 400;
/** Height of a block that was never on the page, until it comes near the view. */
const expectedHeight = 3_200;
/** Blocks on both sides of an entry that was searched for which are on the page at once. */
const nearBlocks = 1;
/** How far outside of the view a block stays on the page. */
const marginPx = 2_000;

interface BlockProps {
  readonly items: readonly TranscriptItem[];
  /** True for the block that the agent writes on. */
  readonly isStreaming: boolean;
  /** The entry of it that was searched for. */
  readonly found: TranscriptItem | undefined;
  /** True for one that is far from the entry that was searched for: it begins empty. */
  readonly isFar: boolean;
}

/** The entries of a transcript. Of a long one, only the blocks near the view are on the page. */
export function EntryBlocks({
  items,
  start,
  busy,
  found,
}: {
  readonly items: readonly TranscriptItem[];
  /** The first entry that is shown. */
  readonly start: number;
  readonly busy: boolean;
  /** The entry that was searched for: its block is on the page. */
  readonly found?: TranscriptItem | undefined;
}) {
  // Blocks begin at multiples, so that those below stay as they are when earlier ones are added.
  const first = Math.floor(start / blockSize);
  const blocks = chunk(items.slice(first * blockSize), blockSize);
  const isLong = items.length - start >= keepsBelow;
  const at = found === undefined ? -1 : blocks.findIndex((block) => block.includes(found));
  return blocks.map((block, index) => {
    const isStreaming = busy && index === blocks.length - 1;
    const Shown = isLong ? LazyEntries : Entries;
    return (
      <Shown
        key={first + index}
        items={block}
        isStreaming={isStreaming}
        found={index === at ? found : undefined}
        isFar={at >= 0 && Math.abs(index - at) > nearBlocks}
      />
    );
  });
}

/** Entries are never changed in place. */
function isSame(before: BlockProps, after: BlockProps): boolean {
  return (
    before.isStreaming === after.isStreaming &&
    before.found === after.found &&
    before.items.length === after.items.length &&
    before.items.every((item, index) => item === after.items[index])
  );
}

const Entries = memo(function Entries({ items, isStreaming, found }: BlockProps) {
  return (
    <ol className="entries">
      {items.map((item, index) => (
        <Row
          key={item.id}
          item={item}
          streaming={isStreaming && index === items.length - 1}
          isFound={item === found}
        />
      ))}
    </ol>
  );
}, isSame);

/** Entries that leave an empty element of their height while they are far from the view. */
const LazyEntries = memo(function LazyEntries(props: BlockProps) {
  const box = useRef<HTMLDivElement>(null);
  const isFound = props.found !== undefined;
  const [height, setHeight] = useState(props.isFar ? expectedHeight : undefined);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const entry = entries.at(-1);
        if (entry === undefined) return;
        const isNear = entry.isIntersecting || element.contains(document.activeElement);
        setHeight((known) => (isNear ? undefined : (known ?? entry.boundingClientRect.height)));
      },
      { root: element.closest(".transcript"), rootMargin: `${marginPx}px 0px` },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={box} style={height === undefined || isFound ? undefined : { height }}>
      {(height === undefined || isFound) && <Entries {...props} />}
    </div>
  );
}, isSame);

const Row = memo(function Row({
  item,
  streaming,
  isFound,
}: {
  readonly item: TranscriptItem;
  readonly streaming: boolean;
  readonly isFound: boolean;
}) {
  return (
    <li className={`entry entry-${item.type}${isFound ? " entry-found" : ""}`} data-type={item.type}>
      <TranscriptEntry item={item} streaming={streaming} />
    </li>
  );
});
