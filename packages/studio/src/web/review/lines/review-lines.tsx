import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  type RefObject,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import "./lines.css";
import type { PatchHunk, PatchLine } from "../../shared/diff/patch.ts";
import type { LineRange } from "../comments/locate.ts";
import type { Highlighted } from "./highlight.ts";
import { HunkRows, isLongFile } from "./lazy-rows.tsx";
import { columns, type Layout, type RowContext } from "./row.tsx";
import { type LineRow, splitRows } from "./rows.ts";

/** What belongs to the hunks of a file besides their lines. */
export interface HunkParts {
  /** In the row above each hunk. */
  readonly head: (index: number) => ReactNode;
  /** Below the last hunk. */
  readonly foot: ReactNode;
}

/** A line to scroll to, as `SIDE:LINE`; each object scrolls once. */
export interface GoTo {
  readonly line: string;
  /** What gets the focus instead of the line: a comment below it. */
  readonly selector?: string;
}

interface Point {
  readonly side: "old" | "new";
  readonly line: number;
}

/**
 * The lines of a file, on which a person comments: by a click on a number, a drag over several, or Shift and a click;
 * by keyboard with the arrows from line to line, Shift for several, and Enter.
 */
export const ReviewLines = memo(function ReviewLines({
  hunks,
  label,
  layout,
  highlighted,
  selected,
  below,
  parts,
  goTo,
  isNewOnly,
  isReadOnly,
  onSelect,
}: {
  readonly hunks: readonly PatchHunk[];
  readonly label: string;
  readonly layout: Layout;
  readonly highlighted: Highlighted | undefined;
  readonly selected: LineRange | undefined;
  readonly below: ReadonlyMap<string, ReactNode>;
  readonly parts: HunkParts;
  readonly goTo: GoTo | undefined;
  readonly isNewOnly: boolean;
  readonly isReadOnly: boolean;
  readonly onSelect: (range: LineRange) => void;
}) {
  const table = useRef<HTMLTableElement>(null);
  const [anchor, setAnchor] = useState<Point>();
  const [head, setHead] = useState<Point>();
  const dragging = useRef(false);
  const marked = anchor !== undefined && head !== undefined ? rangeOf(anchor, head) : selected;
  const isLong = isLongFile(hunks.reduce((sum, { lines }) => sum + lines.length, 0));
  const choose = (from: Point, to: Point) => {
    setAnchor(undefined);
    setHead(undefined);
    onSelect(rangeOf(from, to));
  };
  const onMouseDown = (event: MouseEvent) => {
    const point = pointOf(event.target);
    if (point === undefined || event.button !== 0) return;
    dragging.current = true;
    const from = event.shiftKey && selected?.side === point.side ? { ...point, line: selected.start } : point;
    setAnchor(from);
    setHead(point);
  };
  const onMouseOver = (event: MouseEvent) => {
    const point = pointOf(event.target);
    if (dragging.current && point !== undefined && point.side === anchor?.side) setHead(point);
  };
  useEffect(() => {
    const onMouseUp = () => {
      if (!dragging.current) return;
      dragging.current = false;
      if (anchor !== undefined && head !== undefined) choose(anchor, head);
    };
    window.addEventListener("mouseup", onMouseUp);
    return () => window.removeEventListener("mouseup", onMouseUp);
  });
  // The keyboard and assistive technology click without a press of a mouse button.
  const onClick = (event: MouseEvent) => {
    const point = pointOf(event.target);
    if (point !== undefined && event.detail === 0)
      choose(anchor?.side === point.side ? anchor : point, point);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const point = pointOf(event.target);
    if (point === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "c") {
      event.preventDefault();
      event.stopPropagation();
      choose(anchor?.side === point.side ? anchor : point, point);
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const next = neighbourOf(table.current, event.target, event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
    if (next === undefined) return;
    next.focus();
    const to = pointOf(next);
    setAnchor(event.shiftKey ? (anchor ?? point) : undefined);
    setHead(event.shiftKey ? to : undefined);
  };
  const context: RowContext = { layout, highlighted, selected: marked, below, isNewOnly, isReadOnly };
  useGoTo(table, goTo);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard.
    // biome-ignore lint/a11y/useSemanticElements: no fieldset, and a section each would flood the landmarks.
    <div className="diff-scroll" tabIndex={0} role="group" aria-label={label}>
      {/* biome-ignore lint/a11y/useKeyWithMouseEvents: the arrows do what the mouse does. */}
      <table
        ref={table}
        className={`diff-table review-lines review-lines-${layout}`}
        onMouseDown={onMouseDown}
        onMouseOver={onMouseOver}
        onClick={onClick}
        onKeyDown={onKeyDown}
      >
        {hunks.map((hunk, index) => (
          <Hunk
            key={index}
            hunk={hunk}
            head={parts.head(index)}
            isLong={isLong}
            context={context}
            goTo={goTo}
          />
        ))}
        {parts.foot !== null && (
          <tbody>
            <tr className="diff-hunk">
              <td colSpan={columns(layout)}>{parts.foot}</td>
            </tr>
          </tbody>
        )}
      </table>
    </div>
  );
});

/** Scrolls to a line once, when its block is rendered. */
function useGoTo(table: RefObject<HTMLTableElement | null>, goTo: GoTo | undefined): void {
  const done = useRef<GoTo>(undefined);
  useEffect(() => {
    if (goTo === undefined || done.current === goTo) return;
    const [side, line] = goTo.line.split(":");
    const button = table.current?.querySelector<HTMLElement>(
      `.line-button[data-side="${side}"][data-line="${line}"]`,
    );
    const target =
      goTo.selector === undefined ? button : table.current?.querySelector<HTMLElement>(goTo.selector);
    if (target === null || target === undefined) return;
    done.current = goTo;
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  });
}

function rangeOf(from: Point, to: Point): LineRange {
  return { side: from.side, start: Math.min(from.line, to.line), end: Math.max(from.line, to.line) };
}

function pointOf(target: EventTarget): Point | undefined {
  const button = target instanceof Element ? target.closest<HTMLElement>(".line-button") : null;
  if (button === null) return undefined;
  return { side: button.dataset["side"] === "old" ? "old" : "new", line: Number(button.dataset["line"]) };
}

/** The button of the line above or below; with `sameSide`, of the next line on the same side. */
function neighbourOf(
  table: HTMLTableElement | null,
  target: EventTarget,
  step: 1 | -1,
  sameSide: boolean,
): HTMLElement | undefined {
  const side = pointOf(target)?.side;
  const buttons = Array.from(table?.querySelectorAll<HTMLElement>(".line-button") ?? []).filter(
    (button) => !sameSide || button.dataset["side"] === side,
  );
  return buttons[buttons.indexOf(target as HTMLElement) + step];
}

function Hunk({
  hunk,
  head,
  isLong,
  context,
  goTo,
}: {
  readonly hunk: PatchHunk;
  readonly head: ReactNode;
  readonly isLong: boolean;
  readonly context: RowContext;
  readonly goTo: GoTo | undefined;
}) {
  const { layout } = context;
  const rows = useMemo(
    () => (layout === "split" ? splitRows(hunk.lines) : hunk.lines.map(unifiedRow)),
    [hunk.lines, layout],
  );
  return (
    <>
      {head !== null && (
        <tbody>
          <tr className="diff-hunk">
            <td colSpan={columns(layout)}>{head}</td>
          </tr>
        </tbody>
      )}
      <HunkRows rows={rows} context={context} line={goTo?.line} isLong={isLong} />
    </>
  );
}

function unifiedRow(line: PatchLine): LineRow {
  return line.type === "removed" ? { left: line } : { right: line };
}
