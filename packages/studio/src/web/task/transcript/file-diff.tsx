import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useMemo } from "react";
import type { TranscriptFileDiff } from "../../../transcript.ts";
import { DiffLines } from "../../shared/diff/diff-lines.tsx";
import { fileHunks } from "./file-hunks.ts";

/** A change of one file as an agent describes it: two texts, shown as the lines that differ. */
export function FileDiff({ diff }: { readonly diff: TranscriptFileDiff }) {
  const hunks = useMemo(() => fileHunks(diff), [diff]);
  return (
    <figure className="tool-diff">
      <figcaption>
        <code>{visibleText(diff.path)}</code>
        {diff.oldText === undefined && <span className="tag">new</span>}
      </figcaption>
      {hunks === undefined ? (
        <p className="muted">This change is too large to be compared here.</p>
      ) : (
        <DiffLines hunks={hunks} label={`Change of ${diff.path}`} numbers={false} />
      )}
    </figure>
  );
}
