/** Search in a conversation: all of it, also what the page does not show. */
import type { TranscriptItem } from "../../../../transcript.ts";

/** Texts of entries in lower case. An entry is never changed in place. */
const known = new WeakMap<TranscriptItem, string>();

/** The positions of the entries that contain a text, in any case. None for a blank text. */
export function findEntries(items: readonly TranscriptItem[], query: string): readonly number[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === "") return [];
  return items.flatMap((item, index) => (textOf(item).includes(wanted) ? [index] : []));
}

/** The match after or before the entry at a position, around the ends; of an unknown one, the last. */
export function nextMatch(matches: readonly number[], current: number | undefined, by: 1 | -1): number {
  if (current === undefined) return matches.at(-1) ?? -1;
  const next = by === 1 ? matches.find((each) => each > current) : matches.findLast((each) => each < current);
  return next ?? (by === 1 ? matches[0] : matches.at(-1)) ?? -1;
}

function textOf(item: TranscriptItem): string {
  const before = known.get(item);
  if (before !== undefined) return before;
  const text = wordsOf(item).join("\n").toLowerCase();
  known.set(item, text);
  return text;
}

function wordsOf(item: TranscriptItem): readonly string[] {
  switch (item.type) {
    case "prompt":
    case "message":
    case "thought":
    case "notice":
      return [item.text];
    case "tool":
      return [
        ...[item.title, item.input, item.output],
        ...item.diffs.flatMap(({ path, oldText = "", newText }) => [path, oldText, newText]),
        ...item.locations.map(({ path }) => path),
      ];
    case "approval":
      return [item.approval.title, item.approval.detail];
    case "failed":
      return [item.error.message, `${item.error.group}.${item.error.code}`];
  }
}
