/** The transcript of a session: its live log, and how each entry is rendered. */
import { Empty, SearchIcon } from "@holdfast/web-parts";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { TaskStatus } from "../../../contract.ts";
import type { TranscriptItem } from "../../../transcript.ts";
import { EntryBlocks } from "./entry-blocks.tsx";
import { ConversationMap } from "./find/conversation-map.tsx";
import { FindBar } from "./find/find-bar.tsx";
import { nextPrompt } from "./find/landmarks.ts";

/** Number of entries rendered initially, and added per step back: long logs stay quick to open. */
const windowSize = 150;

/** Entries before one that was searched for. */
const foundMargin = 20;

/** Conversations with as many entries have a map. */
const mapsFrom = 60;

/** Within this many pixels of the end, the page follows new entries. */
const followDistance = 120;

/**
 * The transcript of a session. Only its end is rendered; scrolling up (or the button) renders more. Follows new
 * entries while the reader is at the end, and stays in place otherwise.
 */
export function Transcript({
  items,
  busy,
  status,
  hasQuestion,
}: {
  readonly items: readonly TranscriptItem[];
  readonly busy: boolean;
  readonly status: TaskStatus;
  /** True if an approval is open, which is shown below. */
  readonly hasQuestion: boolean;
}) {
  const scroller = useRef<HTMLElement>(null);
  const [shown, setShown] = useState(windowSize);
  const start = Math.max(0, items.length - shown);
  const [isFinding, setIsFinding] = useState(false);
  const [found, setFound] = useState<TranscriptItem>();
  const { atEnd, toEnd } = useFollowEnd(scroller, items);
  const showEarlier = useScrollAnchor(scroller, start, () => setShown((known) => known + windowSize));
  const show = useCallback(
    (index: number | undefined) => {
      setFound(index === undefined ? undefined : items[index]);
      // The entries before it are there too, as far as a screen shows them.
      if (index !== undefined) setShown((known) => Math.max(known, items.length - index + foundMargin));
    },
    [items],
  );
  useLayoutEffect(() => {
    if (found === undefined) return;
    const entry = scroller.current?.querySelector(".entry-found");
    entry?.scrollIntoView({ block: "center" });
  }, [found]);
  const endFinding = () => {
    setIsFinding(false);
    setFound(undefined);
    scroller.current?.focus({ preventScroll: true });
  };
  useEffect(() => {
    const element = scroller.current;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target !== element) return;
      if (event.key === "/") setIsFinding(true);
      else if (event.key === "j" || event.key === "k") {
        const from = found === undefined ? undefined : items.indexOf(found);
        const next = nextPrompt(items, from, event.key === "j" ? 1 : -1);
        if (next === undefined) return;
        show(next);
      } else return;
      event.preventDefault();
    };
    element?.addEventListener("keydown", press);
    return () => element?.removeEventListener("keydown", press);
  }, [found, items, show]);
  return (
    <div className="transcript-frame">
      {isFinding ? (
        <FindBar items={items} onFound={show} onClose={endFinding} />
      ) : (
        items.length > 0 && (
          <button
            type="button"
            className="button button-small find-button"
            aria-label="Find in this conversation"
            title="Find in this conversation (/)"
            onClick={() => setIsFinding(true)}
          >
            <SearchIcon />
          </button>
        )
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard. */}
      <section className="transcript" ref={scroller} tabIndex={0} aria-label="Transcript">
        {start > 0 && <Earlier count={start} scroller={scroller} onShow={showEarlier} />}
        {items.length === 0 && !busy && <Empty title="No messages yet" />}
        <div>
          <EntryBlocks items={items} start={start} busy={busy} found={found} />
        </div>
        {busy && (
          <p className="working">
            <span className="spinner" aria-hidden="true" />
            {workingText(status, hasQuestion)}
          </p>
        )}
      </section>
      {items.length >= mapsFrom && <ConversationMap {...{ items, start, scroller }} onGo={show} />}
      {!atEnd && (
        <button type="button" className="button button-small to-end" onClick={toEnd}>
          Jump to the latest
        </button>
      )}
    </div>
  );
}

function workingText(status: TaskStatus, hasQuestion: boolean): string {
  if (status === "preparing") return "Cloning the repository and starting the sandbox…";
  if (status !== "waiting") return "Working…";
  return hasQuestion ? "Waiting for your answer below" : "Waiting for your answer above";
}

/** A button that also triggers when it scrolls into view. */
function Earlier({
  count,
  scroller,
  onShow,
}: {
  readonly count: number;
  readonly scroller: React.RefObject<HTMLElement | null>;
  readonly onShow: () => void;
}) {
  const ref = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const button = ref.current;
    if (button === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) onShow();
      },
      { root: scroller.current },
    );
    observer.observe(button);
    return () => observer.disconnect();
  }, [onShow, scroller]);
  return (
    <button ref={ref} type="button" className="button button-small earlier" onClick={onShow}>
      Show earlier entries ({count})
    </button>
  );
}

/** Follows the end while the reader is there. */
function useFollowEnd(scroller: React.RefObject<HTMLElement | null>, items: readonly TranscriptItem[]) {
  const following = useRef(true);
  const [atEnd, setAtEnd] = useState(true);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onScroll = () => {
      const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
      following.current = distance < followDistance;
      setAtEnd(following.current);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    // The dock below changes its height, and late layout changes that of entries.
    const observer = new ResizeObserver(() => {
      if (following.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => {
      element.removeEventListener("scroll", onScroll);
      observer.disconnect();
    };
  }, [scroller]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for every change of the items.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && following.current) element.scrollTop = element.scrollHeight;
  }, [items, scroller]);
  const toEnd = useCallback(() => {
    const element = scroller.current;
    if (element === null) return;
    following.current = true;
    element.scrollTop = element.scrollHeight;
    element.focus({ preventScroll: true });
  }, [scroller]);
  return { atEnd, toEnd };
}

/** Entries added above must not move the visible ones. */
function useScrollAnchor(scroller: React.RefObject<HTMLElement | null>, start: number, grow: () => void) {
  const heightBefore = useRef<number>(undefined);
  const growRef = useRef(grow);
  growRef.current = grow;
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the first entry drawn changes.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && heightBefore.current !== undefined) {
      element.scrollTop += element.scrollHeight - heightBefore.current;
    }
    heightBefore.current = undefined;
  }, [start, scroller]);
  return useCallback(() => {
    heightBefore.current = scroller.current?.scrollHeight;
    growRef.current();
  }, [scroller]);
}
