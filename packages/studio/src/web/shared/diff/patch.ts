import type { HunkPlace } from "../../../contract.ts";

export interface PatchLine {
  readonly type: "added" | "removed" | "context" | "note";
  readonly text: string;
  readonly oldLine?: number;
  readonly newLine?: number;
}

export interface PatchHunk {
  readonly header: string;
  readonly lines: readonly PatchLine[];
  /** The numbers of its header, of a hunk that git has written. */
  readonly place?: HunkPlace;
}

const hunkHeader = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/;

/**
 * Splits one file's unified diff into hunks. The lines before the first hunk are git's header, which the list of files
 * already shows. The counts of a hunk determine its end, because a removed line that begins with "-- " looks like a
 * file header.
 */
export function parsePatch(patch: string): readonly PatchHunk[] {
  const hunks: { header: string; lines: PatchLine[]; place: HunkPlace }[] = [];
  let oldLine = 0;
  let newLine = 0;
  let oldLeft = 0;
  let newLeft = 0;
  for (const line of patch.split("\n")) {
    const hunk = hunks.at(-1);
    const mark = line[0];
    if (hunk !== undefined && mark === "\\") {
      hunk.lines.push({ type: "note", text: "No newline at the end of the file" });
    } else if (hunk !== undefined && mark === "+" && newLeft > 0) {
      hunk.lines.push({ type: "added", text: line.slice(1), newLine: newLine++ });
      newLeft -= 1;
    } else if (hunk !== undefined && mark === "-" && oldLeft > 0) {
      hunk.lines.push({ type: "removed", text: line.slice(1), oldLine: oldLine++ });
      oldLeft -= 1;
    } else if (hunk !== undefined && oldLeft > 0 && newLeft > 0) {
      hunk.lines.push({ type: "context", text: line.slice(1), oldLine: oldLine++, newLine: newLine++ });
      oldLeft -= 1;
      newLeft -= 1;
    } else {
      const match = hunkHeader.exec(line);
      if (match === null) continue;
      oldLine = Number(match[1]);
      oldLeft = Number(match[2] ?? 1);
      newLine = Number(match[3]);
      newLeft = Number(match[4] ?? 1);
      const place = { oldStart: oldLine, oldLines: oldLeft, newStart: newLine, newLines: newLeft };
      hunks.push({ header: (match[5] ?? "").trim(), lines: [], place });
    }
  }
  return hunks;
}

/** The hunks between two texts, as a tool call gives them. */
export function toHunks(
  hunks: readonly {
    readonly oldStart: number;
    readonly newStart: number;
    readonly lines: readonly string[];
  }[],
): readonly PatchHunk[] {
  return hunks.map((hunk) => {
    let oldLine = hunk.oldStart;
    let newLine = hunk.newStart;
    const lines = hunk.lines.map((line): PatchLine => {
      const text = line.slice(1);
      switch (line[0]) {
        case "+":
          return { type: "added", text, newLine: newLine++ };
        case "-":
          return { type: "removed", text, oldLine: oldLine++ };
        case "\\":
          return { type: "note", text: "No newline at the end of the file" };
        default:
          return { type: "context", text, oldLine: oldLine++, newLine: newLine++ };
      }
    });
    return { header: "", lines };
  });
}
