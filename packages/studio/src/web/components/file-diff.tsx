import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { structuredPatch } from "diff";
import { useMemo } from "react";
import type { TranscriptFileDiff } from "../../transcript.ts";
import { DiffLines } from "./diff-lines.tsx";
import { toHunks } from "./patch.ts";

/** Texts above this many characters are not compared: the comparison could take seconds. */
const maxCompared = 200_000;

/** A change of one file as an agent describes it: two texts, shown as the lines that differ. */
export function FileDiff({ diff }: { readonly diff: TranscriptFileDiff }) {
  const hunks = useMemo(() => {
    const before = diff.oldText ?? "";
    if (before.length + diff.newText.length > maxCompared) return undefined;
    const patch = structuredPatch(diff.path, diff.path, before, diff.newText, undefined, undefined, {
      context: 3,
      timeout: 200,
    });
    return patch === undefined ? undefined : toHunks(patch.hunks);
  }, [diff]);
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
