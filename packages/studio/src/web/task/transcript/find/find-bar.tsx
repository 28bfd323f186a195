import { CrossIcon, useAnnounce } from "@holdfast/web-parts";
import { formatCount } from "@holdfast/web-parts/format";
import { type KeyboardEvent, useDeferredValue, useEffect, useMemo, useState } from "react";
import type { TranscriptItem } from "../../../../transcript.ts";
import { findEntries, nextMatch } from "./find-text.ts";

/** The field that searches a conversation. Enter goes up from its end, Shift+Enter down, Escape closes it. */
export function FindBar({
  items,
  onFound,
  onClose,
}: {
  readonly items: readonly TranscriptItem[];
  /** The entry to show. Undefined if none contains the text. */
  readonly onFound: (index: number | undefined) => void;
  readonly onClose: () => void;
}) {
  const [text, setText] = useState("");
  const [current, setCurrent] = useState<number>();
  const searched = useDeferredValue(text);
  const matches = useMemo(() => findEntries(items, searched), [items, searched]);
  const announce = useAnnounce();
  const position = current === undefined ? -1 : matches.indexOf(current);
  const label =
    matches.length === 0
      ? "Not found"
      : position < 0
        ? `${formatCount(matches.length)} found`
        : `${formatCount(position + 1)} of ${formatCount(matches.length)}`;
  const go = (by: 1 | -1, from = current) => {
    if (matches.length === 0) return;
    const index = nextMatch(matches, from, by);
    setCurrent(index);
    onFound(index);
    announce(`${formatCount(matches.indexOf(index) + 1)} of ${formatCount(matches.length)}`);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another text begins at its last place.
  useEffect(() => {
    const last = matches.at(-1);
    setCurrent(last);
    onFound(last);
  }, [searched]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
    else if (event.key === "Enter") go(event.shiftKey ? 1 : -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <search className="find-bar">
      <input
        // biome-ignore lint/a11y/noAutofocus: the person has just asked for the field.
        autoFocus
        type="search"
        value={text}
        aria-label="Find in this conversation"
        placeholder="Find in this conversation"
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {text.trim() !== "" && (
        <output className="find-count muted" aria-live="polite">
          {label}
        </output>
      )}
      <button
        type="button"
        className="button button-small"
        disabled={matches.length === 0}
        title="Earlier match (Enter)"
        onClick={() => go(-1)}
      >
        Earlier
      </button>
      <button
        type="button"
        className="button button-small"
        disabled={matches.length === 0}
        title="Later match (Shift+Enter)"
        onClick={() => go(1)}
      >
        Later
      </button>
      <button
        type="button"
        className="button button-small"
        aria-label="Close the search"
        title="Close the search (Escape)"
        onClick={onClose}
      >
        <CrossIcon />
      </button>
    </search>
  );
}
