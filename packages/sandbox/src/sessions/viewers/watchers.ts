import type { Session } from "../session.ts";
import type { LogEntry } from "../types.ts";

export type SessionChange = "created" | "updated" | "deleted";

/** Listener for all sessions of a server. It must not throw. */
export interface SessionWatcher {
  changed(change: SessionChange, session: Session): void;
  /** A new log entry, after it was stored. */
  entry(session: Session, entry: LogEntry): void;
}

/** The listeners for all sessions. */
export class SessionWatchers {
  readonly #all = new Set<SessionWatcher>();

  add(watcher: SessionWatcher): () => void {
    this.#all.add(watcher);
    return () => this.#all.delete(watcher);
  }

  notify(change: SessionChange, session: Session): void {
    for (const watcher of this.#all) watcher.changed(change, session);
  }

  entry(session: Session, entry: LogEntry): void {
    for (const watcher of this.#all) watcher.entry(session, entry);
  }
}
