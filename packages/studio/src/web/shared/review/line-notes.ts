import type { ChecksView } from "../../../contract.ts";

/** What a failed check says about a line of a file. */
export interface LineNote {
  readonly check: string;
  readonly line: number;
  readonly column?: number;
  readonly message: string;
}

const none: ReadonlyMap<string, readonly LineNote[]> = new Map();

/**
 * The places of failed checks by path. `isShown` tells whether a result is about the files that are shown: the lines of
 * others may be different ones.
 */
export function lineNotes(
  view: ChecksView | undefined,
  isShown: (run: ChecksView["checks"][number]["runs"][number]) => boolean,
): ReadonlyMap<string, readonly LineNote[]> {
  const notes = new Map<string, LineNote[]>();
  for (const { name, runs } of view?.checks ?? []) {
    const [newest] = runs;
    if (newest === undefined || newest.isMoved === true || !isShown(newest)) continue;
    for (const { path, ...place } of newest.problems) {
      const list = notes.get(path) ?? [];
      list.push({ check: name, ...place });
      notes.set(path, list);
    }
  }
  return notes.size === 0 ? none : notes;
}
