import type { PatchHunk, PatchLine } from "../../shared/diff/patch.ts";
import { highlightLines, languageOf, type Segment } from "../../shared/highlight.ts";
import { type Range, wordMarks } from "./word-marks.ts";

export type Highlighted = ReadonlyMap<PatchLine, readonly Segment[]>;

/** Longer hunks stay plain, because the work is done between two frames. */
const maxCharacters = 60_000;
const maxFileCharacters = 300_000;

/** Tokens of the lines of a file, and marks of the words that differ. */
export function highlightHunks(path: string, hunks: readonly PatchHunk[]): Highlighted {
  const result = tokensOf(path, hunks);
  for (const [line, ranges] of wordMarks(hunks))
    result.set(line, withMarks(result.get(line) ?? [{ text: line.text }], ranges));
  return result;
}

/** Segments cut where a mark begins or ends. */
function withMarks(segments: readonly Segment[], ranges: readonly Range[]): readonly Segment[] {
  const cut: Segment[] = [];
  let at = 0;
  for (const { text, className } of segments) {
    for (let from = 0; from < text.length; ) {
      const position = at + from;
      const mark = ranges.find(([start, end]) => position >= start && position < end);
      const stop = mark?.[1] ?? ranges.find(([start]) => start > position)?.[0] ?? Number.POSITIVE_INFINITY;
      const piece = text.slice(from, Math.min(text.length, stop - at));
      const names = [className, mark === undefined ? undefined : "diff-word"].filter(Boolean).join(" ");
      cut.push({ text: piece, ...(names === "" ? {} : { className: names }) });
      from += piece.length;
    }
    at += text.length;
  }
  return cut;
}

/** Each side of a hunk is read as one text, so that a comment of several lines is one. */
function tokensOf(path: string, hunks: readonly PatchHunk[]): Map<PatchLine, readonly Segment[]> {
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
