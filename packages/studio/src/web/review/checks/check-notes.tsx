/** What failed checks say about lines, where those lines are shown. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import type { ReactNode } from "react";
import type { LineNote } from "../../shared/review/line-notes.ts";
import { revealCheck } from "./reveal-check.ts";

/** Notes by the line below which they are, as `SIDE:LINE`, with what else is there below them. */
export function withNotes(
  below: ReadonlyMap<string, ReactNode>,
  notes: readonly LineNote[],
): ReadonlyMap<string, ReactNode> {
  if (notes.length === 0) return below;
  const all = new Map(below);
  for (const [line, ofLine] of Map.groupBy(notes, (note) => note.line)) {
    const key = `new:${line}`;
    all.set(
      key,
      <>
        {ofLine.map((note) => (
          <CheckNote key={note.check} note={note} />
        ))}
        {below.get(key)}
      </>,
    );
  }
  return all;
}

function CheckNote({ note: { check, column, message } }: { readonly note: LineNote }) {
  return (
    <p className="check-note">
      <button type="button" className="link-button" onClick={() => revealCheck(check)}>
        {visibleText(check)}
        <span className="visually-hidden">: show the result</span>
      </button>
      {column !== undefined && <span className="muted"> column {column}</span>} {visibleText(message)}
    </p>
  );
}
