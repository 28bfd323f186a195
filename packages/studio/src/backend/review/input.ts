import { HoldfastError } from "@holdfast/core";
import type { ReviewCommentInput } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { requireList, requireText } from "../validate.ts";

/** Longest path that Linux opens. */
const maxPathCharacters = 4_096;
const maxContentIdCharacters = 100;
const maxLine = 100_000_000;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const encoder = new TextEncoder();

/** Throws `task.invalid_input`. */
export function readMarks(value: unknown): readonly { readonly path: string; readonly contentId?: string }[] {
  requireList(value, "files", studioLimits.maxMarksPerCall);
  return (value as readonly { readonly path?: unknown; readonly contentId?: unknown }[]).map((mark) => {
    const { path, contentId } = mark;
    requireText(path, "path", maxPathCharacters);
    if (contentId === undefined) return { path };
    requireText(contentId, "contentId", maxContentIdCharacters);
    return { path, contentId };
  });
}

/** Throws `task.invalid_input`. Fields that do not belong to a comment are dropped. */
export function readComment(value: unknown): ReviewCommentInput {
  if (typeof value !== "object" || value === null) throw invalid("The comment must be an object");
  const { id, text, path, side, startLine, endLine, quote, contentId } = value as Readonly<
    Record<string, unknown>
  >;
  requireText(path, "path", maxPathCharacters);
  requireText(contentId, "contentId", maxContentIdCharacters);
  if (typeof text !== "string" || text.trim() === "")
    throw invalid("The comment is empty. Write what to change.");
  requireBytes(text, "The comment", studioLimits.maxCommentBytes);
  if (typeof quote !== "string") throw invalid("`quote` must be text");
  requireBytes(quote, "The quote", studioLimits.maxQuoteBytes);
  if (side !== "old" && side !== "new") throw invalid('`side` must be "old" or "new"');
  if (!isLine(startLine) || !isLine(endLine) || startLine > endLine) {
    throw invalid("`startLine` and `endLine` must be numbers of lines, in this order");
  }
  return { id: readId(id), text, path, side, startLine, endLine, quote, contentId };
}

/** Throws `task.invalid_input`. */
export function readId(value: unknown): string {
  if (typeof value !== "string" || !uuid.test(value)) throw invalid("The id of a comment must be a UUID");
  return value;
}

function isLine(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= maxLine;
}

function requireBytes(text: string, what: string, max: number): void {
  const { length } = encoder.encode(text);
  if (length > max) throw invalid(`${what} has ${length} bytes; at most ${max} are possible`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
}
