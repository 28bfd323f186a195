/** What happened, the latest first. */
import { useSyncExternalStore } from "react";

export interface TimelineEntry {
  readonly id: number;
  readonly at: Date;
  readonly text: string;
  /** What a person did, or what a client saw of it. */
  readonly kind: "fault" | "seen";
}

const maxEntries = 60;
let entries: readonly TimelineEntry[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

export function note(text: string, kind: TimelineEntry["kind"]): void {
  entries = [{ id: nextId++, at: new Date(), text, kind }, ...entries].slice(0, maxEntries);
  for (const listener of listeners) listener();
}

export function useTimeline(): readonly TimelineEntry[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => entries,
  );
}
