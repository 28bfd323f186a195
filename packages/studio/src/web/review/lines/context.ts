import type { PatchHunk, PatchLine } from "../../shared/diff/patch.ts";

/** Lines of the new side that are not shown, between two hunks or at an end. */
export interface Gap {
  /** Numbers of the new side; `end` is included, and undefined while the length of the file is not known. */
  readonly start: number;
  readonly end?: number;
}

export interface ShownHunks {
  readonly hunks: readonly PatchHunk[];
  /** What is hidden before each hunk; undefined where nothing is. */
  readonly before: readonly (Gap | undefined)[];
  /** What is hidden after the last hunk. */
  readonly after: Gap | undefined;
}

/** Git shows this many unchanged lines around a change, unless the file begins or ends. */
const gitContext = 3;

/**
 * Hunks with the unchanged lines around them that are loaded, by their numbers on the new side. `total` is the number of
 * lines of the file, if it is known.
 */
export function withContext(
  hunks: readonly PatchHunk[],
  loaded: ReadonlyMap<number, string>,
  total: number | undefined,
): ShownHunks {
  const shown: PatchHunk[] = [];
  const before: (Gap | undefined)[] = [];
  /** The first new line that is not shown yet. */
  let next = 1;
  const show = (hunk: PatchHunk, first: number) => {
    before.push(first > next ? { start: next, end: first - 1 } : undefined);
    shown.push(hunk);
  };
  /** Shows what is loaded before a line: beside the hunk above, or on its own. */
  const showLoaded = (end: number, offset: number) => {
    for (const [start, last] of runsOf(loaded, next, end)) {
      const lines = contextLines(loaded, start, last, offset);
      const previous = shown.at(-1);
      if (start === next && previous !== undefined)
        shown[shown.length - 1] = { ...previous, lines: [...previous.lines, ...lines] };
      else show({ header: "", lines }, start);
      next = last + 1;
    }
  };
  for (const hunk of hunks) {
    if (hunk.place === undefined) return { hunks, before: hunks.map(() => undefined), after: undefined };
    const { first, offset } = firstLine(hunk);
    let above = first;
    while (above > next && loaded.has(above - 1)) above -= 1;
    showLoaded(above - 1, offset);
    const lines = contextLines(loaded, above, first - 1, offset);
    show(lines.length === 0 ? hunk : { ...hunk, lines: [...lines, ...hunk.lines] }, above);
    next = first + hunk.place.newLines;
  }
  const last = hunks.at(-1);
  if (last?.place === undefined) return { hunks: shown, before, after: undefined };
  const { place } = last;
  showLoaded(total ?? Number.POSITIVE_INFINITY, firstOld(place) + place.oldLines - next);
  // A hunk with fewer lines at its end, or without a side, reaches the end of the file.
  const isAtEnd = trailing(last) < gitContext || place.newLines === 0 || place.oldLines === 0;
  const isHidden = total === undefined ? !isAtEnd : next <= total;
  return {
    ...{ hunks: shown, before },
    after: isHidden ? { start: next, ...(total === undefined ? {} : { end: total }) } : undefined,
  };
}

/** The loaded lines from `start` to `end`, both included, as ranges without a gap. */
function runsOf(
  loaded: ReadonlyMap<number, string>,
  start: number,
  end: number,
): readonly [number, number][] {
  const runs: [number, number][] = [];
  const numbers = Array.from(loaded.keys()).filter((line) => line >= start && line <= end);
  for (const line of numbers.sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === line - 1) run[1] = line;
    else runs.push([line, line]);
  }
  return runs;
}

function firstOld({ oldStart, oldLines }: NonNullable<PatchHunk["place"]>): number {
  return oldLines === 0 ? oldStart + 1 : oldStart;
}

function firstLine({ place }: PatchHunk): { readonly first: number; readonly offset: number } {
  if (place === undefined) return { first: 1, offset: 0 };
  // A side without lines names the line before.
  const first = place.newLines === 0 ? place.newStart + 1 : place.newStart;
  return { first, offset: firstOld(place) - first };
}

function contextLines(
  loaded: ReadonlyMap<number, string>,
  start: number,
  end: number,
  offset: number,
): readonly PatchLine[] {
  const lines: PatchLine[] = [];
  for (let newLine = start; newLine <= end; newLine += 1)
    lines.push({ type: "context", text: loaded.get(newLine) ?? "", oldLine: newLine + offset, newLine });
  return lines;
}

function trailing({ lines }: PatchHunk): number {
  let count = 0;
  for (let index = lines.length - 1; index >= 0 && lines[index]?.type === "context"; index -= 1) count += 1;
  return count;
}
