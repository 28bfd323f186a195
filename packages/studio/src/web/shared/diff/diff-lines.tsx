/** Rendered diffs: patches as lines, drawn only where they are in view. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { memo, useEffect, useMemo, useRef } from "react";
import { chunk } from "./chunk.ts";
import type { PatchHunk, PatchLine } from "./patch.ts";
import { useNearViewport } from "./use-near-viewport.ts";

const signs: Readonly<Record<PatchLine["type"], string>> = {
  added: "+",
  removed: "−",
  context: "",
  note: "",
};

/** Up to this many lines hunks are rendered completely; beyond it, only the part in view. */
const blockLines = 100;
/** Estimated height of a line until its block has been measured: 0.78 rem at a line height of 1.5. */
const estimatedLinePx = 19;

/**
 * Hunks of one file. Sign, colour and line numbers convey the same. Long hunks are split into blocks, and a block out
 * of view is a single empty row of the same height: a diff may have 60,000 lines.
 */
export const DiffLines = memo(function DiffLines({
  hunks,
  label,
  numbers = true,
}: {
  readonly hunks: readonly PatchHunk[];
  readonly label: string;
  readonly numbers?: boolean;
}) {
  const isLong = hunks.reduce((sum, { lines }) => sum + lines.length, 0) > blockLines;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard.
    // biome-ignore lint/a11y/useSemanticElements: no fieldset, and a section each would flood the landmarks.
    <div className="diff-scroll" tabIndex={0} role="group" aria-label={label}>
      <table className={numbers ? "diff-table" : "diff-table diff-table-plain"}>
        {hunks.map((hunk, index) => (
          <Hunk key={index} hunk={hunk} isFirst={index === 0} numbers={numbers} isLong={isLong} />
        ))}
      </table>
    </div>
  );
});

function Hunk({
  hunk,
  isFirst,
  numbers,
  isLong,
}: {
  readonly hunk: PatchHunk;
  readonly isFirst: boolean;
  readonly numbers: boolean;
  readonly isLong: boolean;
}) {
  const blocks = useMemo(() => chunk(hunk.lines, blockLines), [hunk.lines]);
  return (
    <>
      {(!isFirst || hunk.header !== "") && (
        <tbody>
          <tr className="diff-hunk">
            <td colSpan={numbers ? 4 : 2}>{hunk.header === "" ? "⋯" : `⋯ ${visibleText(hunk.header)}`}</td>
          </tr>
        </tbody>
      )}
      {blocks.map((lines, index) =>
        isLong ? (
          <LazyLines key={index} lines={lines} numbers={numbers} />
        ) : (
          <tbody key={index}>
            <Lines lines={lines} numbers={numbers} />
          </tbody>
        ),
      )}
    </>
  );
}

/** Lines that are rendered only while they are in view. */
function LazyLines({ lines, numbers }: { readonly lines: readonly PatchLine[]; readonly numbers: boolean }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const height = useRef(lines.length * estimatedLinePx);
  const near = useNearViewport(body);
  useEffect(() => {
    if (near && body.current !== null) height.current = body.current.offsetHeight;
  }, [near]);
  return (
    <tbody ref={body} data-drawn={near}>
      {near ? (
        <Lines lines={lines} numbers={numbers} />
      ) : (
        <tr>
          <td colSpan={numbers ? 4 : 2} style={{ height: height.current }} />
        </tr>
      )}
    </tbody>
  );
}

function Lines({ lines, numbers }: { readonly lines: readonly PatchLine[]; readonly numbers: boolean }) {
  return lines.map((line, row) => (
    <tr key={row} className={`diff-${line.type}`}>
      {numbers && (
        <>
          <td className="diff-number" data-line={line.oldLine} />
          <td className="diff-number" data-line={line.newLine} />
        </>
      )}
      <td className="diff-sign">{signs[line.type]}</td>
      <td className="diff-code">{visibleText(line.text)}</td>
    </tr>
  ));
}
