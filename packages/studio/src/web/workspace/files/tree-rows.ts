import { type FileRef, toFileRef } from "@holdfast/web-parts/sandbox";
import type { TreeEntry } from "./source/file-source.ts";

/** What is known of a directory that is open. */
export interface DirectoryState {
  readonly entries?: readonly TreeEntry[] | undefined;
  readonly error?: unknown;
}

export interface TreeRow {
  readonly ref: FileRef;
  readonly name: string;
  /** 0 for the entries of the workspace itself. */
  readonly depth: number;
  readonly kind: "folder" | "file" | "link" | "loading" | "failed" | "empty";
  readonly isOpen: boolean;
  /** Ignored by git, or below a folder that is. */
  readonly isIgnored: boolean;
}

/** The tree as the list of its visible rows, folders first. */
export function treeRows(
  root: FileRef,
  directories: ReadonlyMap<FileRef, DirectoryState>,
): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const note = (directory: FileRef, depth: number, kind: TreeRow["kind"], isIgnored: boolean) =>
    rows.push({ ref: `${kind}:${directory}`, name: "", depth, kind, isOpen: false, isIgnored });
  const visit = (directory: FileRef, depth: number, isIgnored: boolean) => {
    const { entries, error } = directories.get(directory) ?? {};
    if (entries === undefined) {
      note(directory, depth, error === undefined || error === null ? "loading" : "failed", isIgnored);
      return;
    }
    if (entries.length === 0 && depth > 0) note(directory, depth, "empty", isIgnored);
    for (const entry of foldersFirst(entries)) {
      const ref = toFileRef(entry);
      const kind = kindOf(entry);
      const isOpen = kind === "folder" && directories.has(ref);
      const ignored = isIgnored || entry.ignored === true;
      rows.push({ ref, name: entry.name, depth, kind, isOpen, isIgnored: ignored });
      if (isOpen) visit(ref, depth + 1, ignored);
    }
  };
  visit(root, 0, false);
  return rows;
}

/** A link is shown as such, and not followed by the tree: it may lead to a folder above it. */
function kindOf(entry: TreeEntry): "folder" | "file" | "link" {
  if (entry.target !== undefined) return "link";
  return entry.entryType === "directory" ? "folder" : "file";
}

/** Without the folder of git, whose files are for git alone. */
function foldersFirst(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  const isFolder = (entry: TreeEntry) => kindOf(entry) === "folder";
  const folders = entries.filter((entry) => isFolder(entry) && entry.name !== ".git");
  return [...folders, ...entries.filter((entry) => !isFolder(entry))];
}

/** The folders on the way from the root to a path, without the root. */
export function foldersAbove(root: string, path: string): readonly string[] {
  if (!path.startsWith(`${root}/`)) return [];
  const parts = path
    .slice(root.length + 1)
    .split("/")
    .slice(0, -1);
  return parts.map((_part, index) => `${root}/${parts.slice(0, index + 1).join("/")}`);
}
