import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ChevronIcon, FileIcon, FolderIcon } from "@holdfast/web-parts";
import type { FileRef } from "@holdfast/web-parts/sandbox";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import type { TreeRow } from "./tree-rows.ts";
import type { Tree } from "./use-tree.ts";

const rowPx = 26;

const notes: Readonly<Partial<Record<TreeRow["kind"], string>>> = {
  loading: "Loading…",
  failed: "Cannot be listed",
  empty: "Empty",
};

/** Tree of files; arrow keys move, open and close (WAI-ARIA tree pattern). Only the rows in view are rendered. */
export function FileTree({
  tree,
  shown,
  unsaved,
  onShow,
}: {
  readonly tree: Tree;
  readonly shown: FileRef | undefined;
  readonly unsaved: ReadonlySet<FileRef>;
  readonly onShow: (file: FileRef) => void;
}) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const { rows, setOpen } = tree;
  const [active, setActive] = useState<FileRef>();
  const found = rows.findIndex(({ ref }) => ref === active);
  const at =
    found < 0
      ? Math.max(
          0,
          rows.findIndex(({ ref }) => ref === shown),
        )
      : found;
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowPx,
    overscan: 12,
  });
  const shownAt = rows.findIndex(({ ref }) => ref === shown);
  useEffect(() => {
    if (shownAt >= 0) virtualizer.scrollToIndex(shownAt, { align: "auto" });
  }, [shownAt, virtualizer]);
  const go = (index: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (row === undefined) return;
    setActive(row.ref);
    virtualizer.scrollToIndex(rows.indexOf(row), { align: "auto" });
  };
  const act = (row: TreeRow) => {
    setActive(row.ref);
    if (row.kind === "folder") setOpen(row.ref, !row.isOpen);
    else if (row.kind === "file" || row.kind === "link") onShow(row.ref);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = rows[at];
    if (row === undefined) return;
    const move: Readonly<Record<string, () => void>> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => (row.kind === "folder" && !row.isOpen ? setOpen(row.ref, true) : go(at + 1)),
      ArrowLeft: () => (row.isOpen ? setOpen(row.ref, false) : go(parentOf(rows, at))),
      Enter: () => act(row),
      " ": () => act(row),
    };
    const key = move[event.key];
    if (key === undefined) return;
    event.preventDefault();
    key();
  };
  return (
    <div
      ref={box}
      className="tree"
      role="tree"
      aria-label="Files"
      tabIndex={0}
      aria-activedescendant={rows.length === 0 ? undefined : `${id}-${at}`}
      onKeyDown={onKeyDown}
    >
      <div className="tree-rows" role="presentation" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the tree takes the keys.
            // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, and names its active row.
            <div
              key={row.ref}
              id={`${id}-${index}`}
              role="treeitem"
              className={rowClass(row, index === at)}
              style={{ top: start, height: rowPx, paddingLeft: `${0.5 + row.depth * 0.9}rem` }}
              aria-level={row.depth + 1}
              aria-expanded={row.kind === "folder" ? row.isOpen : undefined}
              aria-selected={row.ref === shown}
              title={row.isIgnored ? "Ignored by git" : undefined}
              onClick={() => act(row)}
            >
              <RowLabel row={row} isUnsaved={unsaved.has(row.ref)} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function RowLabel({ row, isUnsaved }: { readonly row: TreeRow; readonly isUnsaved: boolean }) {
  const note = notes[row.kind];
  if (note !== undefined) return <span className="tree-note">{note}</span>;
  return (
    <>
      <span className={row.isOpen ? "tree-chevron tree-chevron-open" : "tree-chevron"}>
        {row.kind === "folder" && <ChevronIcon />}
      </span>
      {row.kind === "folder" ? <FolderIcon /> : <FileIcon />}
      <span className="tree-name">{visibleText(row.name)}</span>
      {row.kind === "link" && <span className="muted"> link</span>}
      {row.isIgnored && <span className="visually-hidden">, ignored by git</span>}
      {isUnsaved && <span className="tree-unsaved">not saved</span>}
    </>
  );
}

function rowClass(row: TreeRow, isActive: boolean): string {
  return ["tree-row", isActive && "tree-row-active", row.isIgnored && "tree-row-ignored"]
    .filter((name) => name !== false)
    .join(" ");
}

function parentOf(rows: readonly TreeRow[], at: number): number {
  const depth = rows[at]?.depth ?? 0;
  const above = rows.slice(0, at).findLastIndex((row) => row.depth < depth);
  return above < 0 ? at : above;
}
