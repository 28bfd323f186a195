import type { LogEntry, Sender } from "../types.ts";
import type { SessionStore } from "./store.ts";

/** Called with each new entry, after it is kept: on the disk, where the store is on one. */
export type LogListener = (entry: LogEntry) => void;

/** The append-only log of one session. */
export class SessionLog {
  readonly #store: SessionStore;
  readonly #key: number;
  readonly #listeners = new Set<LogListener>();
  #last: number;
  #shown: number;

  constructor(store: SessionStore, key: number) {
    this.#store = store;
    this.#key = key;
    this.#last = store.lastSequence(key);
    this.#shown = this.#last;
  }

  /** Number of the newest entry that may be shown: a loss of power does not take it any more. */
  get shownSequence(): number {
    return this.#shown;
  }

  /** Number of the newest entry; 0 for an empty log. */
  get lastSequence(): number {
    return this.#last;
  }

  /**
   * Keeps `payload`, the text of a JSON-RPC message, as the next entry, together with what `beside` keeps
   * in the same store. Throws when it cannot: then neither is kept.
   */
  append(sender: Sender, payload: string, beside?: () => void): number {
    const entry = { version: 1, sequence: this.#last + 1, createdAt: Date.now(), sender, payload };
    this.#store.append(this.#key, entry.sequence, entry.createdAt, sender, payload, beside);
    this.#last = entry.sequence;
    this.#store.whenSynced(() => {
      this.#shown = entry.sequence;
      for (const listener of this.#listeners) listener(entry);
    });
    return entry.sequence;
  }

  /** Calls `then` when all that was appended until now is shown. */
  afterShown(then: () => void): void {
    this.#store.whenSynced(then);
  }

  /** A notice of the server, `_session/<name>`, of what `beside` keeps. */
  notice(name: string, params: object, beside?: () => void): number {
    const payload = JSON.stringify({ jsonrpc: "2.0", method: `_session/${name}`, params });
    return this.append("server", payload, beside);
  }

  /** Entries behind `after`; the first one is not `after + 1` where entries are gone. */
  read(after: number, limit: number): LogEntry[] {
    return this.#store.entries(this.#key, after, limit);
  }

  backwards(upTo: number): Generator<LogEntry> {
    return this.#store.entriesBackwards(this.#key, upTo);
  }

  listen(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
