import { HoldfastError } from "@holdfast/core";
import type { DiffCompare, HunkPlace, RevertInput, ReviewCommentInput } from "../../contract/review.ts";
import { studioLimits } from "../../limits.ts";
import { requireList, requireText } from "../validate.ts";

/** Longest path that Linux opens. */
const maxPathCharacters = 4_096;
const maxSearchCharacters = 200;
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

/** Throws `task.invalid_input`. */
export function readCompare(options: unknown): DiffCompare {
  const compare = fieldsOf(options ?? {})["compare"];
  if (compare === undefined) return { kind: "base" };
  const { kind, commit } = fieldsOf(compare);
  if (kind === "base" || kind === "turn") return { kind };
  if (kind === "commit") return { kind, commit: readObject(commit, "commit") };
  throw invalid('`compare.kind` must be "base", "turn" or "commit"');
}

/** A file of a state of the files. Throws `task.invalid_input`. */
export function readFile(value: unknown, needed: readonly "base"[]) {
  const { tree, path, oldPath, base, from = 0 } = fieldsOf(value);
  requireText(path, "path", maxPathCharacters);
  if (oldPath !== undefined) requireText(oldPath, "oldPath", maxPathCharacters);
  if (!Number.isSafeInteger(from) || Number(from) < 0) throw invalid("`from` must be a position");
  return {
    ...{ tree: readObject(tree, "tree"), path, from: Number(from) },
    ...(oldPath === undefined ? {} : { oldPath }),
    ...(needed.includes("base") ? { base: readObject(base, "base") } : {}),
  };
}

/** Throws `task.invalid_input`. */
export function readLineRange(value: unknown): { readonly start: number; readonly end: number } {
  const { start, end } = fieldsOf(value);
  if (!isLine(start) || !isLine(end) || start > end)
    throw invalid("`start` and `end` must be numbers of lines, in this order");
  return { start, end };
}

/** Throws `task.invalid_input`. */
export function readRevert(value: unknown): RevertInput {
  const { path, contentId, hunk, compare } = fieldsOf(value);
  requireText(path, "path", maxPathCharacters);
  requireText(contentId, "contentId", maxContentIdCharacters);
  const against = readCompare({ compare });
  if (against.kind === "commit") throw invalid("A commit of the agent cannot be reverted here");
  return { path, contentId, compare: against, ...(hunk === undefined ? {} : { hunk: readHunk(hunk) }) };
}

function readHunk(value: unknown): HunkPlace {
  const { oldStart, oldLines, newStart, newLines } = fieldsOf(value);
  for (const each of [oldStart, oldLines, newStart, newLines]) {
    if (each !== 0 && !isLine(each)) throw invalid("`hunk` must have the four numbers of its header");
  }
  return { oldStart, oldLines, newStart, newLines } as HunkPlace;
}

/** A folder of a state of the files; the newest state and its top by default. Throws `task.invalid_input`. */
export function readSavedFolder(value: unknown): { readonly tree?: string; readonly path: string } {
  const { tree, path = "" } = fieldsOf(value ?? {});
  if (path !== "") requireText(path, "path", maxPathCharacters);
  return { ...(tree === undefined ? {} : { tree: readObject(tree, "tree") }), path: String(path) };
}

/** Throws `task.invalid_input`. */
export function readSavedSearch(value: unknown): {
  readonly tree?: string;
  readonly where: "names" | "contents";
  readonly text: string;
} {
  const { tree, where, text } = fieldsOf(value);
  if (where !== "names" && where !== "contents") throw invalid('`where` must be "names" or "contents"');
  requireText(text, "text", maxSearchCharacters);
  if (/[\0\n]/.test(text)) throw invalid("`text` must be one line");
  return { ...(tree === undefined ? {} : { tree: readObject(tree, "tree") }), where, text };
}

/** The id of a git object, in full. */
function readObject(value: unknown, name: string): string {
  if (typeof value === "string" && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value)) return value;
  throw invalid(`\`${name}\` must be the id of a git object`);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  throw invalid("The input must be an object");
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
