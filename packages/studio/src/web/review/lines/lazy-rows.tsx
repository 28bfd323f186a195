import { useEffect, useRef, useState } from "react";
import { chunk } from "../../shared/diff/chunk.ts";
import { useNearViewport } from "../../shared/diff/use-near-viewport.ts";
import { columns, Row, type RowContext } from "./row.tsx";
import type { LineRow } from "./rows.ts";

/** Rows of one block: what is rendered between two frames. */
const blockRows = 40;
/** Blocks of one group: the browser watches the blocks near the view, and elsewhere a group as a whole. */
const groupBlocks = 50;
const estimatedLinePx = 19;

interface RowsProps {
  readonly rows: readonly LineRow[];
  readonly context: RowContext;
  /** A line, as `SIDE:LINE`, that is rendered in any case. */
  readonly line: string | undefined;
}

/** The rows of a hunk, in blocks that are rendered only while they are in view if the file is long. */
export function HunkRows({ rows, context, line, isLong }: RowsProps & { readonly isLong: boolean }) {
  if (!isLong)
    return (
      <tbody>
        <Rows rows={rows} context={context} />
      </tbody>
    );
  if (rows.length <= blockRows * groupBlocks) return <Blocks rows={rows} context={context} line={line} />;
  return chunk(rows, blockRows * groupBlocks).map((group, index) => (
    <Group key={index} rows={group} context={context} line={line} />
  ));
}

/** True for a file that is drawn in blocks. */
export function isLongFile(lines: number): boolean {
  return lines > blockRows * 2;
}

/** Many blocks, which are one empty element until they come near the view. */
function Group({ rows, context, line }: RowsProps) {
  const [isOpen, setOpen] = useState(false);
  const height = useRef(rows.length * estimatedLinePx);
  const close = (px: number) => {
    height.current = px;
    setOpen(false);
  };
  return isOpen || hasLine(rows, line) ? (
    <Blocks rows={rows} context={context} line={line} onAllGone={close} />
  ) : (
    <Spacer height={height.current} context={context} onNear={() => setOpen(true)} />
  );
}

function Spacer({
  height,
  context,
  onNear,
}: {
  readonly height: number;
  readonly context: RowContext;
  readonly onNear: () => void;
}) {
  const body = useRef<HTMLTableSectionElement>(null);
  const isNear = useNearViewport(body);
  useEffect(() => {
    if (isNear) onNear();
  });
  return (
    <tbody ref={body} data-drawn={false}>
      <tr>
        <td colSpan={columns(context.layout)} style={{ height }} />
      </tr>
    </tbody>
  );
}

function Blocks({
  rows,
  context,
  line,
  onAllGone,
}: RowsProps & {
  /** Called with the height of all when the last block that was in view has left it. */
  readonly onAllGone?: (height: number) => void;
}) {
  const blocks = chunk(rows, blockRows);
  const near = useRef(new Set<number>());
  const heights = useRef(blocks.map((block) => block.length * estimatedLinePx));
  return blocks.map((block, index) => (
    <LazyRows
      key={index}
      rows={block}
      context={context}
      line={line}
      onChange={(isNear, height) => {
        heights.current[index] = height;
        if (isNear) near.current.add(index);
        else if (near.current.delete(index) && near.current.size === 0)
          onAllGone?.(heights.current.reduce((sum, each) => sum + each, 0));
      }}
    />
  ));
}

/** True if one of the rows is the line, as `SIDE:LINE`. */
function hasLine(rows: readonly LineRow[], line: string | undefined): boolean {
  if (line === undefined) return false;
  return rows.some(({ left, right }) => `old:${left?.oldLine}` === line || `new:${right?.newLine}` === line);
}

/** Rows that are rendered only while they are in view. */
function LazyRows({
  rows,
  context,
  line,
  onChange,
}: RowsProps & { readonly onChange: (isNear: boolean, height: number) => void }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const height = useRef(rows.length * estimatedLinePx);
  const isNear = useNearViewport(body);
  const isDrawn = isNear || hasLine(rows, line);
  useEffect(() => {
    if (isDrawn && body.current !== null) height.current = body.current.offsetHeight;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a change of what is in view counts.
  useEffect(() => onChange(isNear, height.current), [isNear]);
  return (
    <tbody ref={body} data-drawn={isDrawn}>
      {isDrawn ? (
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
