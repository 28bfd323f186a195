/** Comments on lines: where they are now, their cards and their form. */
import type { ReviewComment, ReviewLines } from "../../../contract.ts";
import type { PatchHunk } from "../../shared/diff/patch.ts";

/** Lines of one side of a file, as a person selects them. */
export interface LineRange {
  readonly side: "old" | "new";
  readonly start: number;
  readonly end: number;
}

/**
 * Where the lines of a comment are in the current diff; undefined if they are gone, and the comment is outdated. Lines
 * that have moved are found by their text, the nearest first.
 */
export function locateComment(comment: ReviewComment, hunks: readonly PatchHunk[]): LineRange | undefined {
  const { side, startLine, endLine, quote } = comment;
  const lines = linesOfSide(hunks, side);
  const quoted = quote.split("\n");
  const matches = (start: number) => quoted.every((text, index) => lines.get(start + index) === text);
  const at = (start: number): LineRange => ({ side, start, end: start + endLine - startLine });
  if (matches(startLine)) return at(startLine);
  // The lines before the changes keep their numbers.
  if (side === "old") return undefined;
  const starts = Array.from(lines.keys()).filter(matches);
  const distance = (start: number) => Math.abs(start - startLine);
  const [nearest] = starts.sort((a, b) => distance(a) - distance(b));
  return nearest === undefined ? undefined : at(nearest);
}

/**
 * The line of the diff after which the lines of a comment were, now that they are gone; undefined if there is none before
 * them.
 */
export function whereItWas(
  { side, endLine }: Pick<ReviewComment, "side" | "endLine">,
  hunks: readonly PatchHunk[],
): LineRange | undefined {
  let found: number | undefined;
  for (const line of linesOfSide(hunks, side).keys()) {
    if (line <= endLine && line > (found ?? 0)) found = line;
  }
  return found === undefined ? undefined : { side, start: found, end: found };
}

/** The text of a range, as a comment quotes it; at most `maxBytes`, in whole lines. */
export function quoteOf(hunks: readonly PatchHunk[], { side, start, end }: LineRange): string {
  const lines = linesOfSide(hunks, side);
  const quoted: string[] = [];
  let left = maxQuoteCharacters;
  for (let line = start; line <= end; line += 1) {
    const text = lines.get(line) ?? "";
    left -= text.length + 1;
    if (left < 0) break;
    quoted.push(text);
  }
  return quoted.join("\n");
}

/** The server takes 8 KiB, and a character has at most 3 bytes for each unit of its length. */
const maxQuoteCharacters = 2_700;

/** True if all lines of the range are in the diff. */
export function isInDiff(hunks: readonly PatchHunk[], { side, start, end }: LineRange): boolean {
  const lines = linesOfSide(hunks, side);
  for (let line = start; line <= end; line += 1) if (!lines.has(line)) return false;
  return true;
}

export function describeLines({
  side,
  startLine,
  endLine,
}: Omit<ReviewLines, "path" | "quote" | "contentId">) {
  const lines = startLine === endLine ? `line ${startLine}` : `lines ${startLine} to ${endLine}`;
  return side === "old" ? `${lines} before the changes` : lines;
}

function linesOfSide(hunks: readonly PatchHunk[], side: "old" | "new"): ReadonlyMap<number, string> {
  const lines = new Map<number, string>();
  for (const { oldLine, newLine, text } of hunks.flatMap((hunk) => hunk.lines)) {
    const number = side === "old" ? oldLine : newLine;
    if (number !== undefined) lines.set(number, text);
  }
  return lines;
}
