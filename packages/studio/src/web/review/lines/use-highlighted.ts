import { appPart } from "@holdfast/web-parts";
import { useEffect, useState } from "react";
import type { PatchHunk } from "../../shared/diff/patch.ts";
import type { Highlighted } from "./highlight.ts";

const loadHighlighter = appPart(() => import("./highlight.ts"));

/** Tokens of a file's lines, once the highlighter is loaded. Without it the lines stay plain. */
export function useHighlighted(path: string, hunks: readonly PatchHunk[]): Highlighted | undefined {
  const [highlighted, setHighlighted] = useState<Highlighted>();
  useEffect(() => {
    let active = true;
    loadHighlighter().then(
      ({ highlightHunks }) => {
        if (active) setHighlighted(highlightHunks(path, hunks));
      },
      () => undefined,
    );
    return () => {
      active = false;
    };
  }, [path, hunks]);
  return highlighted;
}
