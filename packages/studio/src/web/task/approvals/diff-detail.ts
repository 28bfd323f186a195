import type { TranscriptFileDiff } from "../../../transcript.ts";

/**
 * The file changes in the detail of a question, if it contains nothing else. Anything more, such as an unknown field,
 * gives undefined: then the complete detail is shown unchanged, because the user must see everything that is approved.
 */
export function diffsInDetail(detail: string): readonly TranscriptFileDiff[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(detail);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const diffs = value.map(toDiff);
  return diffs.every((diff) => diff !== undefined) ? diffs : undefined;
}

const fields = new Set(["type", "path", "oldText", "newText"]);

function toDiff(value: unknown): TranscriptFileDiff | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!Object.keys(value).every((key) => fields.has(key))) return undefined;
  const { type, path, oldText, newText } = value as Readonly<Record<string, unknown>>;
  if (type !== "diff" || typeof path !== "string" || typeof newText !== "string") return undefined;
  if (oldText === undefined || oldText === null) return { path, newText };
  return typeof oldText === "string" ? { path, oldText, newText } : undefined;
}
