import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Sessions that are remembered; the oldest make room. */
const maxSessions = 100_000;
const maxReasonCharacters = 300;

const schema = `
  CREATE TABLE IF NOT EXISTS tainted (
    seq INTEGER PRIMARY KEY,
    session TEXT NOT NULL UNIQUE,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  PRAGMA user_version = 1;
`;

/**
 * Sessions into which untrusted content has come. Once tainted, a session stays it: what is marked is
 * on disk before it is told, so that a restart makes no session clean.
 */
export class Taint {
  readonly #sessions = new Map<string, string>();
  /** Those that the disk did not take yet. */
  readonly #unsaved = new Set<string>();
  readonly #db: DatabaseSync | undefined;

  constructor(db?: DatabaseSync) {
    this.#db = db;
    for (const row of db?.prepare("SELECT session, reason FROM tainted ORDER BY seq").all() ?? []) {
      this.#sessions.set(String(row["session"]), String(row["reason"]));
    }
  }

  /** The sessions of a file (0600), which one gate at a time has open. */
  static open(path: string): Taint {
    const db = new DatabaseSync(path, { timeout: 1_000 });
    try {
      chmodSync(path, 0o600);
      db.exec(`PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; ${schema}`);
      return new Taint(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  has(session: string): boolean {
    return this.#sessions.has(session);
  }

  /**
   * True when it was clean before, on the disk at least. It counts from now on, even where the disk does not
   * take it: then this throws, and the next mark of the session tries again.
   */
  mark(session: string, reason: string, at = Date.now()): boolean {
    if (this.#sessions.has(session) && !this.#unsaved.has(session)) return false;
    const told = this.#sessions.get(session) ?? reason.slice(0, maxReasonCharacters);
    this.#sessions.set(session, told);
    this.#unsaved.add(session);
    this.#db
      ?.prepare("INSERT INTO tainted (session, reason, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
      .run(session, told, at);
    this.#unsaved.delete(session);
    if (this.#sessions.size > maxSessions) this.#forgetOldest();
    return true;
  }

  reason(session: string): string | undefined {
    return this.#sessions.get(session);
  }

  close(): void {
    this.#db?.close();
  }

  #forgetOldest(): void {
    const [oldest] = this.#sessions.keys();
    if (oldest === undefined) return;
    this.#sessions.delete(oldest);
    this.#unsaved.delete(oldest);
    this.#db?.prepare("DELETE FROM tainted WHERE session = ?").run(oldest);
  }
}
