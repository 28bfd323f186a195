/** The lines of a file in a review: unified or split, highlighted, selectable. */
import type { PatchLine } from "../../shared/diff/patch.ts";

/** A row of a diff: in a unified one each line has its own, in a split one changed lines face each other. */
export interface LineRow {
  readonly left?: PatchLine;
  readonly right?: PatchLine;
}

/** Rows with the old line on the left and the new one on the right. */
export function splitRows(lines: readonly PatchLine[]): readonly LineRow[] {
  const rows: LineRow[] = [];
  let removed: PatchLine[] = [];
  let added: PatchLine[] = [];
  const flush = () => {
    for (let index = 0; index < Math.max(removed.length, added.length); index += 1) {
      const left = removed[index];
      const right = added[index];
      rows.push({ ...(left === undefined ? {} : { left }), ...(right === undefined ? {} : { right }) });
    }
    removed = [];
    added = [];
  };
  let last: PatchLine | undefined;
  for (const line of lines) {
    if (line.type === "removed" || (line.type === "note" && last?.type === "removed")) {
      if (added.length > 0) flush();
      removed.push(line);
    } else if (line.type === "added" || (line.type === "note" && last?.type === "added")) {
      added.push(line);
    } else {
      flush();
      rows.push({ left: line, right: line });
    }
    if (line.type !== "note") last = line;
  }
  flush();
  return rows;
}
