import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { memo } from "react";
import type { PatchHunk, PatchLine } from "./patch.ts";

const signs: Readonly<Record<PatchLine["type"], string>> = {
  added: "+",
  removed: "−",
  context: "",
  note: "",
};

/** Hunks of one file. Sign, colour and line numbers say the same. */
export const DiffLines = memo(function DiffLines({
  hunks,
  label,
  numbers = true,
}: {
  readonly hunks: readonly PatchHunk[];
  readonly label: string;
  readonly numbers?: boolean;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard.
    // biome-ignore lint/a11y/useSemanticElements: no fieldset, and a section each would flood the landmarks.
    <div className="diff-scroll" tabIndex={0} role="group" aria-label={label}>
      <table className={numbers ? "diff-table" : "diff-table diff-table-plain"}>
        {hunks.map((hunk, index) => (
          <tbody key={index}>
            {(index > 0 || hunk.header !== "") && (
              <tr className="diff-hunk">
                <td colSpan={numbers ? 4 : 2}>
                  {hunk.header === "" ? "⋯" : `⋯ ${visibleText(hunk.header)}`}
                </td>
              </tr>
            )}
            {hunk.lines.map((line, row) => (
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
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
});
