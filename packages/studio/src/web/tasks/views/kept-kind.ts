import type { SavedView } from "../../../contract.ts";

const key = "holdfast.tasks-view";

/** How this browser showed the tasks last. */
export function keptKind(): SavedView["kind"] {
  try {
    return localStorage.getItem(key) === "board" ? "board" : "list";
  } catch {
    return "list";
  }
}

export function keepKind(kind: SavedView["kind"]): void {
  try {
    localStorage.setItem(key, kind);
  } catch {
    // Only a convenience: without storage the list is shown first.
  }
}
