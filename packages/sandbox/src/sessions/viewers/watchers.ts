import type { Session } from "../session.ts";
import type { LogEntry } from "../types.ts";

export type SessionChange = "created" | "updated" | "deleted";

/** Someone who follows all sessions of a server. It must not throw. */
export interface SessionWatcher {
  changed(change: SessionChange, session: Session): void;
  /** A new entry of the session's log, after it is kept. */
  entry(session: Session, entry: LogEntry): void;
}

/** Everyone who follows the sessions. */
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
