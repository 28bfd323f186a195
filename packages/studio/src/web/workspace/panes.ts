import { useState } from "react";
import type { Layout } from "react-resizable-panels";

const storageKey = "holdfast.workspace.panes";

/** Which panes are shown, and their sizes in percent by the group and the pane. */
export interface Panes {
  readonly files: boolean;
  readonly tools: boolean;
  readonly sizes: Readonly<Record<string, Layout>>;
}

const initial: Panes = { files: true, tools: true, sizes: {} };

/** The panes of this person, who arranges them for the screen in front of them: this browser keeps them. */
export function usePanes(): readonly [Panes, (change: Partial<Panes>) => void] {
  const [panes, setPanes] = useState<Panes>(() => readPanes(load()));
  const change = (next: Partial<Panes>) =>
    setPanes((known) => {
      const merged = { ...known, ...next, sizes: { ...known.sizes, ...next.sizes } };
      keep(merged);
      return merged;
    });
  return [panes, change];
}

/** Reads what was kept, which another version of the page may have written. */
export function readPanes(kept: unknown): Panes {
  if (typeof kept !== "object" || kept === null) return initial;
  const files = !("files" in kept) || kept.files !== false;
  const tools = !("tools" in kept) || kept.tools !== false;
  const sizes = "sizes" in kept && typeof kept.sizes === "object" ? (kept.sizes ?? {}) : {};
  return { files, tools, sizes: Object.fromEntries(Object.entries(sizes).filter(isLayout)) };
}

function isLayout(entry: [string, unknown]): entry is [string, Layout] {
  const [, layout] = entry;
  if (typeof layout !== "object" || layout === null) return false;
  return Object.values(layout).every((size) => typeof size === "number" && size >= 0 && size <= 100);
}

function load(): unknown {
  try {
    return JSON.parse(localStorage.getItem(storageKey) ?? "null");
  } catch {
    return undefined;
  }
}

function keep(panes: Panes): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(panes));
  } catch {
    // Without storage, the panes stay as long as the page.
  }
}
