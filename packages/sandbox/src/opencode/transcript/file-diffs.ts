import type { WireFileDiff } from "../wire.ts";
import { type FileEdit, patchOf } from "./tool-part.ts";

/** What the tools of a session have made of its files, as far as they have shown it. */
export class FileDiffs {
  readonly #files = new Map<string, FileEdit>();

  take(edit: FileEdit): void {
    const known = this.#files.get(edit.path);
    this.#files.set(edit.path, known ? { ...known, newText: edit.newText } : edit);
  }

  get empty(): boolean {
    return this.#files.size === 0;
  }

  list(): WireFileDiff[] {
    return [...this.#files.values()].flatMap((edit) => {
      const { path: file, oldText: before, newText: after, isNew } = edit;
      if (before === after) return [];
      const patch = patchOf(edit);
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

/** Lines that a unified diff adds and takes away. */
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
