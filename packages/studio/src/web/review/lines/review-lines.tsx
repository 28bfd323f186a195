import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { chunk } from "../../shared/diff/chunk.ts";
import type { PatchHunk, PatchLine } from "../../shared/diff/patch.ts";
import { useNearViewport } from "../../shared/diff/use-near-viewport.ts";
import type { LineRange } from "../comments/locate.ts";
import type { Highlighted } from "./highlight.ts";
import { type LineRow, splitRows } from "./rows.ts";

export type Layout = "unified" | "split";

/** Rows of one lazily rendered block. */
const blockRows = 100;
const estimatedLinePx = 19;
const signs: Readonly<Record<PatchLine["type"], string>> = {
  added: "+",
  removed: "−",
  context: "",
  note: "",
};

interface RowContext {
  readonly layout: Layout;
  readonly highlighted: Highlighted | undefined;
  readonly selected: LineRange | undefined;
  /** Comments and forms by `SIDE:LINE`, shown below that line. */
  readonly below: ReadonlyMap<string, ReactNode>;
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
  onSelect,
}: {
  readonly hunks: readonly PatchHunk[];
  readonly label: string;
  readonly layout: Layout;
  readonly highlighted: Highlighted | undefined;
  readonly selected: LineRange | undefined;
  readonly below: ReadonlyMap<string, ReactNode>;
  readonly onSelect: (range: LineRange) => void;
}) {
  const table = useRef<HTMLTableElement>(null);
  const [anchor, setAnchor] = useState<Point>();
  const [head, setHead] = useState<Point>();
  const dragging = useRef(false);
  const marked = anchor !== undefined && head !== undefined ? rangeOf(anchor, head) : selected;
  const isLong = hunks.reduce((sum, { lines }) => sum + lines.length, 0) > blockRows;
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
  const context: RowContext = { layout, highlighted, selected: marked, below };
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
          <Hunk key={index} hunk={hunk} isFirst={index === 0} isLong={isLong} context={context} />
        ))}
      </table>
    </div>
  );
});

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
  isFirst,
  isLong,
  context,
}: {
  readonly hunk: PatchHunk;
  readonly isFirst: boolean;
  readonly isLong: boolean;
  readonly context: RowContext;
}) {
  const { layout } = context;
  const blocks = useMemo(() => {
    const rows = layout === "split" ? splitRows(hunk.lines) : hunk.lines.map(unifiedRow);
    return chunk(rows, blockRows);
  }, [hunk.lines, layout]);
  return (
    <>
      {(!isFirst || hunk.header !== "") && (
        <tbody>
          <tr className="diff-hunk">
            <td colSpan={columns(layout)}>{hunk.header === "" ? "⋯" : `⋯ ${visibleText(hunk.header)}`}</td>
          </tr>
        </tbody>
      )}
      {blocks.map((rows, index) =>
        isLong ? (
          <LazyRows key={index} rows={rows} context={context} />
        ) : (
          <tbody key={index}>
            <Rows rows={rows} context={context} />
          </tbody>
        ),
      )}
    </>
  );
}

function unifiedRow(line: PatchLine): LineRow {
  return line.type === "removed" ? { left: line } : { right: line };
}

function columns(layout: Layout): number {
  return layout === "split" ? 6 : 4;
}

/** Rows that are rendered only while they are in view. */
function LazyRows({ rows, context }: { readonly rows: readonly LineRow[]; readonly context: RowContext }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const height = useRef(rows.length * estimatedLinePx);
  const near = useNearViewport(body);
  useEffect(() => {
    if (near && body.current !== null) height.current = body.current.offsetHeight;
  });
  return (
    <tbody ref={body} data-drawn={near}>
      {near ? (
        <Rows rows={rows} context={context} />
      ) : (
        <tr>
          <td colSpan={columns(context.layout)} style={{ height: height.current }} />
        </tr>
      )}
    </tbody>
  );
}

function Rows({ rows, context }: { readonly rows: readonly LineRow[]; readonly context: RowContext }) {
  return rows.map((row, index) => <Row key={index} row={row} context={context} />);
}

function Row({ row: { left, right }, context }: { readonly row: LineRow; readonly context: RowContext }) {
  const { layout, below } = context;
  const shown = right ?? left;
  const parts = [below.get(`old:${left?.oldLine}`), below.get(`new:${right?.newLine}`)].filter(Boolean);
  return (
    <>
      {layout === "unified" && shown !== undefined ? (
        <tr className={rowClass(shown, context, shown.type === "removed" ? "old" : "new")}>
          {shown.type === "removed" ? (
            <LineNumber line={shown.oldLine} side="old" text={shown.text} />
          ) : (
            <td className="diff-number" data-line={shown.oldLine} />
          )}
          {shown.type === "removed" ? (
            <td className="diff-number" />
          ) : (
            <LineNumber line={shown.newLine} side="new" text={shown.text} />
          )}
          <td className="diff-sign">{signs[shown.type]}</td>
          <Code line={shown} context={context} />
        </tr>
      ) : (
        <tr>
          <Side line={left} side="old" context={context} />
          <Side line={right} side="new" context={context} />
        </tr>
      )}
      {parts.map((part, index) => (
        <tr key={index} className="diff-comments">
          <td colSpan={columns(layout)}>{part}</td>
        </tr>
      ))}
    </>
  );
}

/** One half of a row of a split diff. */
function Side({
  line,
  side,
  context,
}: {
  readonly line: PatchLine | undefined;
  readonly side: "old" | "new";
  readonly context: RowContext;
}) {
  if (line === undefined) return <td className="diff-nothing" colSpan={3} />;
  const className = rowClass(line, context, side);
  return (
    <>
      <LineNumber
        line={side === "old" ? line.oldLine : line.newLine}
        side={side}
        text={line.text}
        className={className}
      />
      <td className={`diff-sign ${className}`}>{signs[line.type]}</td>
      <Code line={line} context={context} className={className} />
    </>
  );
}

function rowClass(line: PatchLine, { selected }: RowContext, side: "old" | "new"): string {
  const number = side === "old" ? line.oldLine : line.newLine;
  const isSelected =
    selected?.side === side && number !== undefined && number >= selected.start && number <= selected.end;
  return isSelected ? `diff-${line.type} diff-selected` : `diff-${line.type}`;
}

function LineNumber({
  line,
  side,
  text,
  className = "",
}: {
  readonly line: number | undefined;
  readonly side: "old" | "new";
  readonly text: string;
  readonly className?: string;
}) {
  return (
    <td className={`diff-number ${className}`}>
      {line !== undefined && (
        <button
          type="button"
          className="line-button"
          tabIndex={-1}
          data-side={side}
          data-line={line}
          aria-label={`Comment on ${side === "old" ? "old " : ""}line ${line}: ${visibleText(text.slice(0, 200))}`}
        />
      )}
    </td>
  );
}

function Code({
  line,
  context,
  className = "",
}: {
  readonly line: PatchLine;
  readonly context: RowContext;
  readonly className?: string;
}) {
  const segments = context.highlighted?.get(line);
  return (
    <td className={`diff-code ${className}`}>
      {segments === undefined
        ? visibleText(line.text)
        : segments.map(({ text, className: token }, index) =>
            token === undefined ? (
              visibleText(text)
            ) : (
              <span key={index} className={token}>
                {visibleText(text)}
              </span>
            ),
          )}
    </td>
  );
}
