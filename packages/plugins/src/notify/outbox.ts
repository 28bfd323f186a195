/** Notify plugin: notices to the person. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterFailure, type Notice, outboxLimits, waitMs } from "./notice.ts";

const schema = `
CREATE TABLE IF NOT EXISTS notices (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  grp TEXT NOT NULL,
  session TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  urgency TEXT NOT NULL,
  tainted INTEGER NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL DEFAULT 0,
  problem TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS notices_of_group ON notices (grp, at);
CREATE INDEX IF NOT EXISTS notices_waiting ON notices (next_at) WHERE state = 'waiting';
PRAGMA user_version = 1;
`;

/** Durable queue of notices. `add` returns once the notice is on disk. */
export class Outbox {
  readonly #db: DatabaseSync;

  constructor(directory: string) {
    // Set first: the previous process may still be closing the database.
    this.#db = new DatabaseSync(join(directory, "notices.sqlite"), { timeout: 5_000 });
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${schema}`);
  }

  /** Milliseconds until the group may send again; 0 when it may now. */
  rateLimitDelayMs(group: string, now: number): number {
    return waitMs((count) => {
      const row = this.#db
        .prepare("SELECT at FROM notices WHERE grp = ? ORDER BY at DESC LIMIT 1 OFFSET ?")
        .get(group, count - 1);
      return row === undefined ? undefined : Number(row["at"]);
    }, now);
  }

  add(notice: Omit<Notice, "id" | "attempts" | "nextAt" | "problem">): string {
    const id = randomUUID();
    const { group, session, title, text, urgency, tainted, at, state } = notice;
    this.#db
      .prepare(
        `INSERT INTO notices (id, grp, session, title, text, urgency, tainted, at, state)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(id, group, session, title, text, urgency, tainted ? 1 : 0, at, state);
    this.#db
      .prepare(
        `DELETE FROM notices WHERE grp = ?1 AND state <> 'waiting' AND seq <=
         (SELECT seq FROM notices WHERE grp = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)`,
      )
      .run(group, outboxLimits.perGroup);
    return id;
  }

  list(group: string, state: string | undefined, limit: number): Notice[] {
    return this.#db
      .prepare(
        "SELECT * FROM notices WHERE grp = ?1 AND (?2 IS NULL OR state = ?2) ORDER BY seq DESC LIMIT ?3",
      )
      .all(group, state ?? null, limit)
      .map(noticeOf);
  }

  /** Notice that is due first, or undefined. */
  nextDue(now: number): Notice | undefined {
    const row = this.#db
      .prepare("SELECT * FROM notices WHERE state = 'waiting' AND next_at <= ? ORDER BY next_at, seq LIMIT 1")
      .get(now);
    return row === undefined ? undefined : noticeOf(row);
  }

  nextAt(): number | undefined {
    const next = this.#db.prepare("SELECT min(next_at) AS next FROM notices WHERE state = 'waiting'").get()?.[
      "next"
    ];
    return typeof next === "number" ? next : undefined;
  }

  markSent(id: string): void {
    this.#db
      .prepare("UPDATE notices SET state = 'sent', attempts = attempts + 1, problem = NULL WHERE id = ?")
      .run(id);
  }

  /** Schedules a retry, or gives up after the last attempt. */
  markFailed(notice: Notice, failure: string, now: number): void {
    const { id, state, nextAt, problem } = afterFailure(notice, failure, now);
    this.#db
      .prepare("UPDATE notices SET state = ?, attempts = attempts + 1, next_at = ?, problem = ? WHERE id = ?")
      .run(state, nextAt, problem, id);
  }

  /** Keeps waiting notices when the operator has removed the delivery channel. */
  keepWithoutDelivery(): void {
    this.#db.exec("UPDATE notices SET state = 'kept' WHERE state = 'waiting'");
  }

  close(): void {
    this.#db.close();
  }
}

function noticeOf(row: Record<string, unknown>): Notice {
  const states = ["kept", "waiting", "sent", "failed"] as const;
  return {
    id: String(row["id"]),
    group: String(row["grp"]),
    session: String(row["session"]),
    title: String(row["title"]),
    text: String(row["text"]),
    urgency: String(row["urgency"]),
    tainted: row["tainted"] === 1,
    at: Number(row["at"]),
    state: states.find((each) => each === row["state"]) ?? "failed",
    attempts: Number(row["attempts"]),
    nextAt: Number(row["next_at"]),
    problem: typeof row["problem"] === "string" ? row["problem"] : null,
  };
}
