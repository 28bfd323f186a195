import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Principal } from "./tool.ts";

/** Sessions kept; the oldest are evicted. */
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

/** Port: the taint of sessions on all nodes. A session that moves to another node stays tainted. */
export interface SharedTaint {
  /** Durable when it resolves. The first reason stays. */
  mark(session: string, reason: string): Promise<void>;
  /** Undefined when no node has marked the session. */
  reason(session: string): Promise<string | undefined>;
}

/** By what a session is tainted: its workspace, if it shares one with others. */
export function taintKey({ session, workspace = session }: Pick<Principal, "session" | "workspace">): string {
  return workspace;
}

/**
 * Sessions that have received untrusted content. A session stays tainted: the mark is on disk before `mark` returns,
 * so a restart does not clear it.
 */
export class Taint {
  readonly #sessions = new Map<string, string>();
  /** Marks that could not be written yet. */
  readonly #unsaved = new Set<string>();
  readonly #db: DatabaseSync | undefined;

  constructor(db?: DatabaseSync) {
    this.#db = db;
    for (const row of db?.prepare("SELECT session, reason FROM tainted ORDER BY seq").all() ?? []) {
      this.#sessions.set(String(row["session"]), String(row["reason"]));
    }
  }

  /** Opens the file (0600) of tainted sessions. One gate at a time has it open. */
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
   * Returns true if the session was not yet tainted on disk. The mark holds even if it cannot be written: then this
   * throws, and the next mark of the session tries again.
   */
  mark(session: string, reason: string, at = Date.now()): boolean {
    if (this.#sessions.has(session) && !this.#unsaved.has(session)) return false;
    const firstReason = this.#sessions.get(session) ?? reason.slice(0, maxReasonCharacters);
    this.#sessions.set(session, firstReason);
    this.#unsaved.add(session);
    this.#db
      ?.prepare("INSERT INTO tainted (session, reason, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
      .run(session, firstReason, at);
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
