import type { LogEntry, Sender } from "../types.ts";
import type { SessionStore } from "./store.ts";

/** Called with each new entry once it is durable. */
export type LogListener = (entry: LogEntry) => void;

/** The append-only log of one session. */
export class SessionLog {
  readonly #store: SessionStore;
  readonly #key: number;
  readonly #listeners = new Set<LogListener>();
  #last: number;
  #visible: number;

  constructor(store: SessionStore, key: number) {
    this.#store = store;
    this.#key = key;
    this.#last = store.lastSequence(key);
    this.#visible = this.#last;
  }

  /** Sequence of the newest visible entry. An entry becomes visible once it survives a power failure. */
  get visibleSequence(): number {
    return this.#visible;
  }

  /** Sequence of the newest entry; 0 for an empty log. */
  get lastSequence(): number {
    return this.#last;
  }

  /**
   * Appends `payload`, the text of a JSON-RPC message, in one transaction with the writes of `beside`. Throws
   * `sandbox.log_failed` without any write.
   */
  append(sender: Sender, payload: string, beside?: () => void): number {
    const entry = { version: 1, sequence: this.#last + 1, createdAt: Date.now(), sender, payload };
    this.#store.append(this.#key, entry.sequence, entry.createdAt, sender, payload, beside);
    this.#last = entry.sequence;
    this.#store.whenSynced(() => {
      this.#visible = entry.sequence;
      for (const listener of this.#listeners) listener(entry);
    });
    return entry.sequence;
  }

  /** Calls `then` once all current entries are visible. */
  afterVisible(then: () => void): void {
    this.#store.whenSynced(then);
  }

  /** Appends a notice of the server, `_session/<name>`, in one transaction with the writes of `beside`. */
  notice(name: string, params: object, beside?: () => void): number {
    const payload = JSON.stringify({ jsonrpc: "2.0", method: `_session/${name}`, params });
    return this.append("server", payload, beside);
  }

  /** Returns entries after `after`. A first sequence above `after + 1` means that entries were dropped. */
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
