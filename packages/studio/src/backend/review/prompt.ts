import type { ReviewComment } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";

/** One prompt of several comments: each with its file, lines and quoted code, in the order of files and lines. */
export function reviewPrompt(comments: readonly ReviewComment[]): string {
  const ordered = [...comments].sort(
    (a, b) => compareText(a.path, b.path) || a.startLine - b.startLine || a.createdAt - b.createdAt,
  );
  const count = ordered.length === 1 ? "one comment" : `${ordered.length} comments`;
  return [
    `I reviewed your changes and have ${count}. Address each of them.`,
    ...ordered.map((comment, index) => `## ${index + 1}. ${placeOf(comment)}\n\n${bodyOf(comment)}`),
  ].join("\n\n");
}

function placeOf({ path, side, startLine, endLine }: ReviewComment): string {
  const lines = startLine === endLine ? `line ${startLine}` : `lines ${startLine} to ${endLine}`;
  return `${quotePath(path)}, ${lines}${side === "old" ? " before your changes" : ""}`;
}

function bodyOf({ quote, text }: ReviewComment): string {
  return quote === "" ? text.trim() : `${quotedCode(quote)}\n\n${text.trim()}`;
}

/** The quote as a code block, whose fence is longer than any in it. */
function quotedCode(quote: string): string {
  const lines = quote.split("\n");
  const shown = lines.slice(0, studioLimits.maxQuotedLines);
  const omitted = lines.length - shown.length;
  const longest = Array.from(quote.matchAll(/`+/g), ([run]) => run.length).reduce(
    (a, b) => Math.max(a, b),
    2,
  );
  const fence = "`".repeat(longest + 1);
  return [fence, ...shown, fence, ...(omitted > 0 ? [`(and ${omitted} more lines)`] : [])].join("\n");
}

/** A path with line feeds or other controls is quoted, so that it cannot look like text of the person. */
function quotePath(path: string): string {
  if (!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"`]/u.test(path)) return `\`${path}\``;
  return JSON.stringify(path).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
