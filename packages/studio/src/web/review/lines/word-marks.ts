import { diffWordsWithSpace } from "diff";
import type { PatchHunk, PatchLine } from "../../shared/diff/patch.ts";

/** Characters of a line that differ from its counterpart: from the first number, to before the second. */
export type Range = readonly [start: number, end: number];

/** Longer lines, and more of them, stay without marks: the work is done between two frames. */
const maxLineCharacters = 500;
const maxPairs = 1_000;
/** Lines with less in common are others, not changed ones. */
const leastInCommon = 0.35;

/** What differs within changed lines: removed lines and the added ones after them belong together in their order. */
export function wordMarks(hunks: readonly PatchHunk[]): ReadonlyMap<PatchLine, readonly Range[]> {
  const marks = new Map<PatchLine, readonly Range[]>();
  let pairs = 0;
  for (const [removed, added] of pairsOf(hunks)) {
    if (Math.max(removed.text.length, added.text.length) > maxLineCharacters) continue;
    pairs += 1;
    if (pairs > maxPairs) break;
    const [before, after, common] = compare(removed.text, added.text);
    if (common < leastInCommon * Math.max(removed.text.length, added.text.length)) continue;
    if (before.length > 0) marks.set(removed, before);
    if (after.length > 0) marks.set(added, after);
  }
  return marks;
}

function* pairsOf(hunks: readonly PatchHunk[]): Generator<readonly [PatchLine, PatchLine]> {
  for (const { lines } of hunks) {
    let removed: PatchLine[] = [];
    let added: PatchLine[] = [];
    for (const line of [...lines, undefined]) {
      if (line?.type === "note") continue;
      if (line?.type === "added") added.push(line);
      if (line?.type === "added" || (line?.type === "removed" && added.length === 0)) {
        if (line.type === "removed") removed.push(line);
        continue;
      }
      for (const [index, each] of removed.entries()) {
        const other = added[index];
        if (other !== undefined) yield [each, other];
      }
      removed = line?.type === "removed" ? [line] : [];
      added = [];
    }
  }
}

/** The ranges that differ in both texts, and the number of characters in common. */
function compare(before: string, after: string): [Range[], Range[], number] {
  const removed: Range[] = [];
  const added: Range[] = [];
  let [oldAt, newAt, common] = [0, 0, 0];
  for (const part of diffWordsWithSpace(before, after)) {
    const { length } = part.value;
    if (part.removed) removed.push([oldAt, oldAt + length]);
    else if (part.added) added.push([newAt, newAt + length]);
    else common += part.value.trim().length;
    if (!part.added) oldAt += length;
    if (!part.removed) newAt += length;
  }
  return [removed, added, common];
}
