/** Metering of what is used: a journal in this process, from which it goes to the actor `usage`. */
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import type { UsageEntry, UsageSubject } from "../backend/usage/entry.ts";

const schemaVersion = 1;
const schema = `
  -- An entry is open while a call or a sandbox runs, and ready once it is known what it used.
  CREATE TABLE IF NOT EXISTS entry (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, seen_at INTEGER NOT NULL, is_ready INTEGER NOT NULL, body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** What begins: a model call, or a sandbox. */
export interface Beginning {
  readonly id: string;
  readonly at: number;
  readonly kind: "call" | "sandbox";
  readonly subject: UsageSubject;
}

/**
 * Durable list of what was used and is not counted yet. A call is noted before it is sent, a sandbox when it starts, so
 * that a crash loses neither; each entry has an id by which it is counted once.
 */
export class UsageJournal {
  readonly #db: DatabaseSync;

  /** Opens the file. What an earlier process left open has ended with it. Throws `usage.newer_format`. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#db = new DatabaseSync(path, { timeout: 5_000 });
    try {
      chmodSync(path, 0o600);
      this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
      const version = Number(this.#db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
      if (version > schemaVersion) {
        const message = "The usage journal was written by a newer version of Holdfast. Upgrade to open it.";
        throw new HoldfastError("usage", "newer_format", message, { statusCode: 500 });
      }
      this.#db.exec(`${schema} PRAGMA user_version = ${schemaVersion};`);
      this.#endAbandoned();
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  begin({ id, at, kind, subject }: Beginning): void {
    const entry: UsageEntry =
      kind === "call"
        ? { version: 1, id, at, kind, subject, isInterrupted: true }
        : { version: 1, id, at, kind, subject, durationMs: 0 };
    this.#insert(entry, false);
  }

  /** Notes what is known to have been used; an entry that was begun is replaced. */
  add(entry: UsageEntry): void {
    this.#insert(entry, true);
  }

  /** Forgets what was begun and used nothing. */
  drop(id: string): void {
    this.#db.prepare("DELETE FROM entry WHERE id = ?").run(id);
  }

  /** Notes that what is open still runs: if this process is killed, it has ended then. */
  seen(at: number): void {
    this.#db.prepare("UPDATE entry SET seen_at = ? WHERE is_ready = 0").run(at);
  }

  /** The oldest entries that can be counted. */
  ready(limit: number): readonly UsageEntry[] {
    return this.#db
      .prepare("SELECT body FROM entry WHERE is_ready = 1 ORDER BY at, id LIMIT ?")
      .all(limit)
      .map(({ body }) => JSON.parse(String(body)) as UsageEntry);
  }

  /** Forgets entries that were counted. */
  counted(ids: readonly string[]): void {
    this.#db
      .prepare("DELETE FROM entry WHERE id IN (SELECT value FROM json_each(?))")
      .run(JSON.stringify(ids));
  }

  close(): void {
    this.#db.close();
  }

  #insert(entry: UsageEntry, isReady: boolean): void {
    this.#db
      .prepare(
        `INSERT INTO entry (id, at, seen_at, is_ready, body) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET is_ready = excluded.is_ready, body = excluded.body WHERE is_ready = 0`,
      )
      .run(entry.id, entry.at, entry.at, isReady ? 1 : 0, JSON.stringify(entry));
  }

  #endAbandoned(): void {
    for (const { body, seen_at } of this.#db
      .prepare("SELECT body, seen_at FROM entry WHERE is_ready = 0")
      .all()) {
      const entry = JSON.parse(String(body)) as UsageEntry;
      this.add(
        entry.kind === "sandbox" ? { ...entry, durationMs: Math.max(0, Number(seen_at) - entry.at) } : entry,
      );
    }
  }
}
