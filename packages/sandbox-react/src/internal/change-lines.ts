import { structuredPatch } from "diff";
import { componentLimits } from "../limits.ts";
import type { FileChange } from "../types.ts";

export interface ChangeLine {
  readonly kind: "add" | "remove" | "context" | "hunk";
  readonly text: string;
}

/** The lines of a file change as a diff; `cut` is true if some were left out. */
export function changeLines(change: FileChange): {
  readonly lines: readonly ChangeLine[];
  readonly cut: boolean;
} {
  const all = comparedLines(change) ?? [
    ...linesOf(change.oldText ?? "", "remove"),
    ...linesOf(change.newText, "add"),
  ];
  return { lines: all.slice(0, componentLimits.changeLines), cut: all.length > componentLimits.changeLines };
}

function comparedLines({ path, oldText, newText }: FileChange): ChangeLine[] | undefined {
  if ((oldText ?? "").length + newText.length > componentLimits.comparedCharacters) return undefined;
  const patch = structuredPatch(path, path, oldText ?? "", newText, undefined, undefined, {
    context: 3,
    maxEditLength: 4_000,
  });
  return patch?.hunks.flatMap((hunk, index): ChangeLine[] => [
    ...(index === 0 && oldText === null ? [] : [hunkLine(hunk.oldStart, hunk.newStart)]),
    ...hunk.lines.flatMap(lineOf),
  ]);
}

function hunkLine(oldStart: number, newStart: number): ChangeLine {
  return {
    kind: "hunk",
    text: oldStart === newStart ? `Line ${newStart}` : `Line ${oldStart} → ${newStart}`,
  };
}

function lineOf(line: string): ChangeLine[] {
  const text = line.slice(1);
  switch (line[0]) {
    case "+":
      return [{ kind: "add", text }];
    case "-":
      return [{ kind: "remove", text }];
    case " ":
      return [{ kind: "context", text }];
    default:
      return [];
  }
}

function linesOf(text: string, kind: "add" | "remove"): ChangeLine[] {
  return text === ""
    ? []
    : text
        .replace(/\n$/, "")
        .split("\n")
        .map((line) => ({ kind, text: line }));
}
