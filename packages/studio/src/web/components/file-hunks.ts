import { structuredPatch } from "diff";
import type { TranscriptFileDiff } from "../../transcript.ts";
import { type PatchHunk, toHunks } from "./patch.ts";

/** Texts above this many characters are not compared: the comparison could take seconds. */
const maxCompared = 200_000;
/** A comparison that takes longer is given up; few lines that differ in everything take as long as many. */
const compareMs = 200;
/** Up to so many characters, what was not compared is shown as a whole: more than a question can hold. */
const maxWhole = 32_768;

/**
 * The lines in which two texts differ; where that is not found out in time, all of the one and all of the
 * other. Undefined for what is too large for either.
 */
export function fileHunks(diff: TranscriptFileDiff): readonly PatchHunk[] | undefined {
  const { path, oldText = "", newText } = diff;
  const characters = oldText.length + newText.length;
  const patch =
    characters > maxCompared
      ? undefined
      : structuredPatch(path, path, oldText, newText, undefined, undefined, {
          context: 3,
          timeout: compareMs,
        });
  if (patch !== undefined) return toHunks(patch.hunks);
  if (characters > maxWhole) return undefined;
  return toHunks([{ oldStart: 1, newStart: 1, lines: [...linesOf("-", oldText), ...linesOf("+", newText)] }]);
}

function linesOf(sign: "-" | "+", text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n").map((line) => `${sign}${line}`);
  return text.endsWith("\n") ? lines.slice(0, -1) : [...lines, "\\ No newline at end of file"];
}
