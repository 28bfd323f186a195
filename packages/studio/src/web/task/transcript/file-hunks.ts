import { structuredPatch } from "diff";
import type { TranscriptFileDiff } from "../../../transcript.ts";
import { type PatchHunk, toHunks } from "../../shared/diff/patch.ts";

/** Longer texts are not compared: the comparison could take seconds. */
const maxCompared = 200_000;
/** Time limit of a comparison: a few long lines without anything in common can take as long as many lines. */
const compareMs = 200;
/** Up to this length, texts that were not compared are shown completely; no question is longer. */
const maxUncompared = 32_768;

/**
 * The lines in which two texts differ; after the time limit, all lines of both. Undefined if the texts are too large
 * for either.
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
  if (characters > maxUncompared) return undefined;
  return toHunks([{ oldStart: 1, newStart: 1, lines: [...linesOf("-", oldText), ...linesOf("+", newText)] }]);
}

function linesOf(sign: "-" | "+", text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n").map((line) => `${sign}${line}`);
  return text.endsWith("\n") ? lines.slice(0, -1) : [...lines, "\\ No newline at end of file"];
}
