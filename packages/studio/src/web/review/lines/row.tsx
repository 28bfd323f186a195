import { visibleText } from "@holdfast/sandbox-react/visible-text";
import type { ReactNode } from "react";
import type { PatchLine } from "../../shared/diff/patch.ts";
import type { LineRange } from "../comments/locate.ts";
import type { Highlighted } from "./highlight.ts";
import type { LineRow } from "./rows.ts";

export type Layout = "unified" | "split";

export interface RowContext {
  readonly layout: Layout;
  readonly highlighted: Highlighted | undefined;
  readonly selected: LineRange | undefined;
  /** Comments and forms by `SIDE:LINE`, shown below that line. */
  readonly below: ReadonlyMap<string, ReactNode>;
  /** True if lines of the old side have no buttons. */
  readonly isNewOnly: boolean;
  readonly isReadOnly: boolean;
}

const signs: Readonly<Record<PatchLine["type"], string>> = {
  added: "+",
  removed: "−",
  context: "",
  note: "",
};

export function columns(layout: Layout): number {
  return layout === "split" ? 6 : 4;
}

export function Row({
  row: { left, right },
  context,
}: {
  readonly row: LineRow;
  readonly context: RowContext;
}) {
  const { layout, below } = context;
  const shown = right ?? left;
  const parts = [below.get(`old:${left?.oldLine}`), below.get(`new:${right?.newLine}`)].filter(Boolean);
  return (
    <>
      {layout === "unified" && shown !== undefined ? (
        <tr className={rowClass(shown, context, shown.type === "removed" ? "old" : "new")}>
          {shown.type === "removed" ? (
            <LineNumber line={shown.oldLine} side="old" text={shown.text} context={context} />
          ) : (
            <td className="diff-number" data-line={shown.oldLine} />
          )}
          {shown.type === "removed" ? (
            <td className="diff-number" />
          ) : (
            <LineNumber line={shown.newLine} side="new" text={shown.text} context={context} />
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
        context={context}
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
  context: { isNewOnly, isReadOnly },
}: {
  readonly line: number | undefined;
  readonly side: "old" | "new";
  readonly text: string;
  readonly className?: string;
  readonly context: RowContext;
}) {
  if (isReadOnly || (isNewOnly && side === "old"))
    return <td className={`diff-number ${className}`} data-line={line} />;
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
