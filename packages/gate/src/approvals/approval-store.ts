import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { chmodSync } from "node:fs";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { type Clock, encodeJson, HoldfastError, systemRandom, uuidv7 } from "@holdfast/core";
import type { PolicyRule } from "../policy/rule.ts";
import type {
  Approval,
  ApprovalDecision,
  ApprovalRequest,
  ApprovalState,
  Approvals,
  ApprovedCall,
} from "./approvals.ts";
import { detailForCard } from "./card-detail.ts";
import { escapeForDisplay } from "./display-text.ts";

export const approvalLimits = {
  timeoutMs: 300_000,
  maxTimeoutMs: 24 * 3_600_000,
  /** Delay before expiring a record is retried after a disk error. */
  expiryRetryMs: 1_000,
  /** Maximum duration of an approval for a session. */
  sessionMs: 24 * 3_600_000,
  /** A record with more time left was created before the clock was set back, and counts as expired. */
  maxLeftMs: 48 * 3_600_000,
  /** How long a denial also denies repetitions of the call. */
  denialHoldMs: 300_000,
  maxArgumentBytes: 1024 * 1024,
  maxDetailCharacters: 16 * 1024,
  maxTitleCharacters: 200,
  maxOriginCharacters: 400,
  maxPending: 1_000,
  /** Open approvals per session, so that one session cannot use up the limit of all. */
  maxPendingOfSession: 100,
  /** Number of settled records to keep; the audit log has all of them. */
  maxSettled: 10_000,
} as const;

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

/** The state that each decision leads to. */
const stateByDecision: Readonly<Record<ApprovalDecision, ApprovalState>> = {
  allow: "allowed",
  allow_for_session: "allowed",
  deny: "denied",
};

/** Event for a new record; every other event is named after a record's id. */
const addedEvent = Symbol("asked");

const schemaVersion = 1;

function fail(code: string, status: number, message: string): HoldfastError {
  return new HoldfastError("approval", code, message, { statusCode: status });
}

function gateClosed(): HoldfastError {
  return new HoldfastError("gate", "closed", "The gate is closed", { statusCode: 503 });
}

/** Hash that binds an approval to its call: another argument, tool or session is another call. */
export function bindingOf({ session, tool, version, arguments: args }: ApprovedCall): string {
  const plain: unknown = JSON.parse(encodeJson(args ?? null));
  const text = JSON.stringify(
    version === undefined
      ? [1, tool, session, canonical(plain)]
      : [2, tool, version, session, canonical(plain)],
  );
  return createHash("sha256").update(text).digest("hex");
}

/** Canonical JSON with sorted keys, since their order carries no meaning. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}

/** Approvals in a SQLite file of their own, synced at each change. Its lock also keeps a second gate out. */
export class ApprovalStore implements Approvals {
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #added = 0;
  #closed = false;

  private constructor(db: DatabaseSync, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#forget();
    for (const record of this.list({ state: "pending" })) this.#schedule(record);
  }

  /** Throws `gate.already_open` when another process holds the file. */
  static open(path: string, clock: Clock): ApprovalStore {
    // A host that was just killed may still hold its lock for a moment.
    const db = new DatabaseSync(path, { timeout: 1_000 });
    chmodSync(path, 0o600);
    try {
      db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;");
      db.exec("BEGIN EXCLUSIVE");
      const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
      if (version > schemaVersion)
        throw fail("newer_format", 500, "The approvals were written by a newer version");
      db.exec(schema);
      addColumns(db);
      db.exec(`PRAGMA user_version = ${schemaVersion}`);
      db.exec("COMMIT");
      return new ApprovalStore(db, clock);
    } catch (error) {
      db.close();
      // SQLITE_BUSY: the lock dies with the process that holds it, so its holder is alive.
      if ((error as { errcode?: number }).errcode === 5) {
        throw new HoldfastError("gate", "already_open", "Another process uses this data directory", {
          statusCode: 409,
          cause: error,
        });
      }
      throw error;
    }
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#closed = true;
    // Rejects every waiter; without a listener the "error" event would throw.
    if (this.#changes.listenerCount("error") > 0) this.#changes.emit("error", gateClosed());
    this.#db.close();
  }

  async request(request: ApprovalRequest): Promise<Approval> {
    const text = encodeJson(request.arguments ?? null);
    if (Buffer.byteLength(text) > approvalLimits.maxArgumentBytes) {
      throw fail(
        "arguments_too_large",
        413,
        `Arguments hold at most ${approvalLimits.maxArgumentBytes} bytes`,
      );
    }
    const binding = bindingOf(request);
    const open = this.#coversOrigin(request, this.#open(binding));
    if (open) return this.#addOrigin(open, request.origin);
    const denied = request.denialHolds === true ? this.#denied(binding) : undefined;
    if (denied) return denied;
    this.#checkRoom(request.session);
    const now = this.#clock.now();
    const timeoutMs = Math.min(
      Math.max(request.timeoutMs ?? approvalLimits.timeoutMs, 1),
      approvalLimits.maxTimeoutMs,
    );
    const title = escapeForDisplay(request.title ?? request.tool, approvalLimits.maxTitleCharacters);
    const detail = detailForCard(request.arguments, approvalLimits.maxDetailCharacters);
    const id = uuidv7(this.#clock, systemRandom);
    this.#db
      .prepare(
        `INSERT INTO approvals (id, session, tool, binding, state, title, detail, truncated, created_at, expires_at, proposal, origin)
         VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        request.session,
        request.tool,
        binding,
        title.text,
        detail.text,
        detail.truncated ? 1 : 0,
        now,
        now + timeoutMs,
        request.proposal === undefined ? null : JSON.stringify(request.proposal),
        originText(request.origin),
      );
    this.#added += 1;
    if (this.#added % recordsBetweenDeletions === 0) this.#forget();
    const record = this.#require(id);
    this.#schedule(record);
    this.#changes.emit(addedEvent, record);
    return record;
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

  /** Throws `approval.too_many`. */
  #checkRoom(session: string): void {
    const row = this.#db
      .prepare(
        "SELECT count(*) AS total, coalesce(sum(session = ?), 0) AS own FROM approvals WHERE state = 'pending'",
      )
      .get(session);
    if (Number(row?.["own"]) >= approvalLimits.maxPendingOfSession)
      throw fail("too_many", 429, "Too many approvals of this session are waiting");
    if (Number(row?.["total"]) >= approvalLimits.maxPending)
      throw fail("too_many", 429, "Too many approvals are waiting");
  }

  /** A session-wide approval does not cover untrusted content that arrived after it. */
  #coversOrigin({ origin }: ApprovalRequest, open: Approval | undefined): Approval | undefined {
    if (open?.forSession !== true || origin === undefined || open.origin !== undefined) return open;
    this.#change(open.id, ["allowed"], "cancelled");
    return undefined;
  }

  /** Adds an origin that became known after the request to a pending approval. */
  #addOrigin(record: Approval, origin: string | undefined): Approval {
    if (record.origin !== undefined || origin === undefined || record.state !== "pending") return record;
    this.#db.prepare("UPDATE approvals SET origin = ? WHERE id = ?").run(originText(origin), record.id);
    return this.#require(record.id);
  }

  /** The pending or allowed record of the same call. */
  #open(binding: string): Approval | undefined {
    const row = this.#db
      .prepare("SELECT * FROM approvals WHERE binding = ? AND state IN ('pending', 'allowed')")
      .get(binding);
    if (!row) return undefined;
    const record = this.#expire(toApproval(row));
    return record.state === "pending" || record.state === "allowed" ? record : undefined;
  }

  /** The recent denial of the same call, if it still holds. */
  #denied(binding: string): Approval | undefined {
    const row = this.#db
      .prepare("SELECT * FROM approvals WHERE binding = ? AND state = 'denied' ORDER BY rowid DESC LIMIT 1")
      .get(binding);
    // The record lies in the future if the clock was put back.
    const agoMs = Math.abs(this.#clock.now() - Number(row?.["decided_at"] ?? 0));
    return row !== undefined && agoMs < approvalLimits.denialHoldMs ? toApproval(row) : undefined;
  }

  get(id: string): Approval | undefined {
    const row = this.#db.prepare("SELECT * FROM approvals WHERE id = ?").get(id);
    return row && this.#expire(toApproval(row));
  }

  #require(id: string): Approval {
    const record = this.get(id);
    if (!record) throw fail("not_found", 404, "There is no such approval");
    return record;
  }

  list({ session, state }: { session?: string; state?: ApprovalState } = {}): readonly Approval[] {
    // Open records have an index; reading one may expire it.
    const open = state === "pending" || state === "allowed" ? "state IN ('pending', 'allowed') AND" : "";
    const rows = this.#db
      .prepare(`SELECT * FROM approvals WHERE ${open} (?1 IS NULL OR session = ?1) ORDER BY rowid`)
      .all(session ?? null);
    return rows
      .map((row) => this.#expire(toApproval(row)))
      .filter((each) => state === undefined || each.state === state);
  }

  /** Expires an approval that was not answered or used in time, on every read. */
  #expire(record: Approval): Approval {
    const open = record.state === "pending" || record.state === "allowed";
    const leftMs = record.expiresAt - this.#clock.now();
    if (!open || (leftMs > 0 && leftMs <= approvalLimits.maxLeftMs)) return record;
    this.#change(record.id, ["pending", "allowed"], "expired");
    return { ...record, state: "expired" };
  }

  async decide(id: string, decision: ApprovalDecision, by: string): Promise<Approval> {
    // An unknown decision must not allow anything.
    if (!Object.hasOwn(stateByDecision, decision))
      throw fail("invalid_decision", 400, `An answer is one of ${Object.keys(stateByDecision).join(", ")}`);
    const record = this.#require(id);
    const changed = this.#change(id, ["pending"], stateByDecision[decision], {
      by,
      forSession: decision === "allow_for_session",
    });
    if (!changed) throw fail("not_pending", 409, `The approval is already ${record.state}`);
    return this.#require(id);
  }

  async consume(id: string, call: ApprovedCall): Promise<Approval> {
    const record = this.#require(id);
    if (record.binding !== bindingOf(call)) throw fail("mismatch", 409, "The approval is for another call");
    if (record.forSession === true && record.state === "allowed") return record;
    if (!this.#change(id, ["allowed"], "consumed")) {
      throw fail("not_allowed", 409, `The approval is ${record.state}, so it cannot be used`);
    }
    return this.#require(id);
  }

  async cancelSession(session: string): Promise<number> {
    const open = this.list({ session }).filter(
      (each) => each.state === "pending" || each.state === "allowed",
    );
    return open.filter((each) => this.#change(each.id, ["pending", "allowed"], "cancelled")).length;
  }

  onAsked(listener: (approval: Approval) => void): () => void {
    this.#changes.on(addedEvent, listener);
    return () => this.#changes.off(addedEvent, listener);
  }

  async wait(id: string, signal?: AbortSignal): Promise<Approval> {
    for (;;) {
      if (this.#closed) throw gateClosed();
      const record = this.#require(id);
      if (record.state !== "pending") return record;
      await once(this.#changes, id, signal ? { signal } : {});
    }
  }

  /** Moves a record from one of the states `from` to `to`, atomically. Returns false if it was in none of them. */
  #change(
    id: string,
    from: readonly ApprovalState[],
    to: ApprovalState,
    answer?: { readonly by: string; readonly forSession: boolean },
  ): boolean {
    const now = this.#clock.now();
    const lasting = answer?.forSession === true;
    const { changes } = this.#db
      .prepare(
        `UPDATE approvals SET state = ?, decided_at = coalesce(?, decided_at), decided_by = coalesce(?, decided_by),
           scope = coalesce(?, scope), expires_at = coalesce(?, expires_at)
         WHERE id = ? AND state IN (${from.map((state) => `'${state}'`).join(", ")})`,
      )
      .run(
        to,
        answer === undefined ? null : now,
        answer?.by ?? null,
        lasting ? "session" : null,
        lasting ? now + approvalLimits.sessionMs : null,
        id,
      );
    if (changes === 0) return false;
    if (to !== "allowed") this.#unschedule(id);
    this.#changes.emit(id);
    return true;
  }

  #schedule(record: Approval, delayMs = Math.max(record.expiresAt - this.#clock.now(), 0)): void {
    const timer = setTimeout(() => {
      this.#timers.delete(record.id);
      const left = this.#expireByTimer(record);
      // Timers run on another clock than the records and can fire a millisecond early.
      if (left?.state === "pending" || left?.state === "allowed") this.#schedule(left);
    }, delayMs);
    this.#timers.set(record.id, timer.unref());
  }

  /** Reads a record from a timer; when the disk refuses to expire it, the timer tries again. */
  #expireByTimer(record: Approval): Approval | undefined {
    try {
      return this.get(record.id);
    } catch {
      // Callers that read the record get the error themselves.
      this.#schedule(record, approvalLimits.expiryRetryMs);
      return undefined;
    }
  }

  #unschedule(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }
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

function originText(origin: string | undefined): string | null {
  if (origin === undefined) return null;
  return escapeForDisplay(origin.replace(/\s+/g, " "), approvalLimits.maxOriginCharacters).text;
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
