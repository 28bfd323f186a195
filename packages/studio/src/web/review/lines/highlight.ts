import type { PatchHunk, PatchLine } from "../../shared/diff/patch.ts";
import { highlightLines, languageOf, type Segment } from "../../shared/highlight.ts";

export type Highlighted = ReadonlyMap<PatchLine, readonly Segment[]>;

/** Longer hunks stay plain, because the work is done between two frames. */
const maxCharacters = 60_000;
const maxFileCharacters = 300_000;

/** Tokens of the lines of a file. Each side of a hunk is read as one text, so that a comment of several lines is one. */
export function highlightHunks(path: string, hunks: readonly PatchHunk[]): Highlighted {
  const result = new Map<PatchLine, readonly Segment[]>();
  const language = languageOf(path);
  if (language === undefined) return result;
  let left = maxFileCharacters;
  for (const { lines } of hunks) {
    for (const hidden of ["added", "removed"]) {
      const side = lines.filter(({ type }) => type !== "note" && type !== hidden);
      const text = side.map((line) => line.text).join("\n");
      left -= text.length;
      if (text.length > maxCharacters || left < 0) continue;
      const segments = highlightLines(language, text);
      for (const [index, line] of side.entries()) result.set(line, segments[index] ?? [{ text: line.text }]);
    }
  }
  return result;
}
