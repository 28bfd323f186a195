import type { WireFileDiff } from "../wire.ts";
import { type FileEdit, unifiedDiff } from "./tool-part.ts";

/** Accumulates the file changes that the tools of a session report. */
export class FileDiffs {
  readonly #files = new Map<string, FileEdit>();

  add(edit: FileEdit): void {
    const existing = this.#files.get(edit.path);
    this.#files.set(edit.path, existing ? { ...existing, newText: edit.newText } : edit);
  }

  get empty(): boolean {
    return this.#files.size === 0;
  }

  list(): WireFileDiff[] {
    return [...this.#files.values()].flatMap((edit) => {
      const { path: file, oldText: before, newText: after, isNew } = edit;
      if (before === after) return [];
      const patch = unifiedDiff(edit);
      const { additions, deletions } = countLines(patch);
      return [
        {
          file,
          before,
          after,
          patch,
          additions,
          deletions,
          status: isNew ? ("added" as const) : ("modified" as const),
        },
      ];
    });
  }
}

/** Counts the added and removed lines of a unified diff. */
function countLines(patch: string): { readonly additions: number; readonly deletions: number } {
  let [additions, deletions] = [0, 0];
  let isBody = false;
  for (const line of patch.split("\n")) {
    if (line.startsWith("@@")) isBody = true;
    else if (isBody && line.startsWith("+")) additions += 1;
    else if (isBody && line.startsWith("-")) deletions += 1;
  }
  return { additions, deletions };
}
