import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import type { PolicyRule } from "../policy/rule.ts";
import type { ApprovalRecords } from "./approval-book.ts";
import { approvalLimits } from "./approval-limits.ts";
import type { Approval, ApprovalState } from "./approvals.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS approvals (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    tool TEXT NOT NULL,
    binding TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending','allowed','denied','expired','cancelled','consumed')),
    title TEXT NOT NULL,
    detail TEXT NOT NULL,
    truncated INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    proposal TEXT,
    origin TEXT,
    scope TEXT
  ) STRICT;
  -- One open record for one call: asking again meets it.
  CREATE UNIQUE INDEX IF NOT EXISTS approvals_open ON approvals (binding) WHERE state IN ('pending', 'allowed');
  CREATE INDEX IF NOT EXISTS approvals_by_binding ON approvals (binding);
  CREATE INDEX IF NOT EXISTS approvals_by_session ON approvals (session, created_at);
`;

/** Number of new records between deletions of old ones. */
const recordsBetweenDeletions = 256;

const schemaVersion = 1;

/** Creates the tables, or brings those of an older version up to date. Throws `approval.newer_format`. */
export function prepareFile(db: DatabaseSync): void {
  db.exec("BEGIN EXCLUSIVE");
  const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version > schemaVersion) {
    const message = "The approvals were written by a newer version";
    throw new HoldfastError("approval", "newer_format", message, { statusCode: 500 });
  }
  db.exec(schema);
  addColumns(db);
  db.exec(`PRAGMA user_version = ${schemaVersion}`);
  db.exec("COMMIT");
}

/** The records of one gate, in its file. */
export class SqliteRecords implements ApprovalRecords {
  readonly #db: DatabaseSync;
  #saved = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#forget();
  }

  get(id: string): Approval | undefined {
    const row = this.#db.prepare("SELECT * FROM approvals WHERE id = ?").get(id);
    return row && toApproval(row);
  }

  open(binding: string): Approval | undefined {
    const row = this.#db
      .prepare("SELECT * FROM approvals WHERE binding = ? AND state IN ('pending', 'allowed')")
      .get(binding);
    return row && toApproval(row);
  }

  denied(binding: string): Approval | undefined {
    const row = this.#db
      .prepare("SELECT * FROM approvals WHERE binding = ? AND state = 'denied' ORDER BY rowid DESC LIMIT 1")
      .get(binding);
    return row && toApproval(row);
  }

  openOf(session: string): readonly Approval[] {
    return this.list({ session, isOpen: true });
  }

  /** Oldest first; only pending and allowed ones, which have an index, with `isOpen`. */
  list({ session, isOpen }: { readonly session?: string; readonly isOpen: boolean }): readonly Approval[] {
    const open = isOpen ? "state IN ('pending', 'allowed') AND" : "";
    const rows = this.#db
      .prepare(`SELECT * FROM approvals WHERE ${open} (?1 IS NULL OR session = ?1) ORDER BY rowid`)
      .all(session ?? null);
    return rows.map(toApproval);
  }

  pending(session: string): { readonly own: number; readonly total: number } {
    const row = this.#db
      .prepare(
        "SELECT count(*) AS total, coalesce(sum(session = ?), 0) AS own FROM approvals WHERE state = 'pending'",
      )
      .get(session);
    return { own: Number(row?.["own"]), total: Number(row?.["total"]) };
  }

  save(record: Approval): void {
    this.#db
      .prepare(
        `INSERT INTO approvals (id, session, tool, binding, state, title, detail, truncated, created_at, expires_at,
           decided_at, decided_by, proposal, origin, scope)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at,
           decided_at = excluded.decided_at, decided_by = excluded.decided_by, origin = excluded.origin,
           scope = excluded.scope`,
      )
      .run(...columnsOf(record));
    this.#saved += 1;
    if (this.#saved % recordsBetweenDeletions === 0) this.#forget();
  }

  /** Deletes the oldest settled records, so that endless requests cannot fill the disk. */
  #forget(): void {
    const settled = "state NOT IN ('pending', 'allowed')";
    this.#db
      .prepare(
        `DELETE FROM approvals WHERE ${settled} AND rowid <=
           (SELECT rowid FROM approvals WHERE ${settled} ORDER BY rowid DESC LIMIT 1 OFFSET ?)`,
      )
      .run(approvalLimits.maxSettled);
  }
}

function columnsOf(record: Approval): (string | number | null)[] {
  const { proposal, origin, decidedAt, decidedBy, forSession } = record;
  return [
    ...[record.id, record.session, record.tool, record.binding, record.state],
    ...[record.title, record.detail, record.truncated ? 1 : 0, record.createdAt, record.expiresAt],
    ...[decidedAt ?? null, decidedBy ?? null],
    ...[proposal === undefined ? null : JSON.stringify(proposal), origin ?? null],
    forSession === true ? "session" : null,
  ];
}

/** Adds columns that older files lack; older versions of the program ignore them. */
function addColumns(db: DatabaseSync): void {
  const present = db
    .prepare("PRAGMA table_info(approvals)")
    .all()
    .map((each) => each["name"]);
  for (const name of ["proposal", "origin", "scope"]) {
    if (!present.includes(name)) db.exec(`ALTER TABLE approvals ADD COLUMN ${name} TEXT`);
  }
}

function toApproval(row: Record<string, SQLOutputValue>): Approval {
  const text = (name: string) => String(row[name]);
  return {
    id: text("id"),
    session: text("session"),
    tool: text("tool"),
    binding: text("binding"),
    state: text("state") as ApprovalState,
    title: text("title"),
    detail: text("detail"),
    truncated: row["truncated"] === 1,
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
    ...(row["decided_at"] === null ? {} : { decidedAt: Number(row["decided_at"]) }),
    ...(row["decided_by"] === null ? {} : { decidedBy: text("decided_by") }),
    ...(row["scope"] === "session" ? { forSession: true as const } : {}),
    ...(row["proposal"] === null ? {} : { proposal: JSON.parse(text("proposal")) as PolicyRule }),
    ...(row["origin"] === null ? {} : { origin: text("origin") }),
  };
}
