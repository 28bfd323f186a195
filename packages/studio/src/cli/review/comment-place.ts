import { UsageError } from "@holdfast/cli";
import type { ReviewLines } from "@holdfast/studio";

export type CommentPlace = Pick<ReviewLines, "path" | "side" | "startLine" | "endLine">;

/** Lines of one call. The server gives no more. */
const maxLines = 500;

/** Reads "src/main.ts:12" or "src/main.ts:12-15". Throws a `UsageError`. */
export function placeOf(text: string, isOld: boolean): CommentPlace {
  const [, path = "", first = "", last = first] = /^(.+):(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ?? [];
  const [startLine, endLine] = [Number(first), Number(last)];
  if (path === "" || startLine < 1 || endLine < startLine || endLine - startLine >= maxLines)
    throw new UsageError(`"${text}" is not a place, such as src/main.ts:12 or src/main.ts:12-15`);
  return { path, side: isOld ? "old" : "new", startLine, endLine };
}

/** The server takes 8 KiB, and a character has at most 3 bytes for each unit of its length. */
const maxQuoteCharacters = 2_700;

/** The text that a comment quotes, in whole lines. */
export function quoteOf(lines: readonly string[]): string {
  const quoted: string[] = [];
  let left = maxQuoteCharacters;
  for (const line of lines) {
    left -= line.length + 1;
    if (left < 0) break;
    quoted.push(line);
  }
  return quoted.join("\n");
}
