/** Sessions on disk: SQLite schema, logs, write-behind, sync of the WAL. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import { isRecord, problem } from "../../http/problem.ts";
import type { LogEntry, PermissionView, PromptRecord, Sender, SessionRecord } from "../types.ts";
import { migrate } from "./migrations.ts";
import { WalSync } from "./wal-sync.ts";
import { WriteBehind } from "./write-behind.ts";

/** Version of the content of the `data` and `payload` columns. */
const entryVersion = 1;

/** A stored session: its record, and the key of its rows. */
export interface StoredSession {
  readonly key: number;
  readonly record: SessionRecord;
}

const fileName = "sessions.db";

/** Position of a session in the list of all sessions; the cursor of pages. */
export interface SessionPosition {
  readonly createdAt: number;
  readonly key: number;
}

/**
 * Store of all sessions in one SQLite database. With a directory, a returned call is committed and survives a kill of
 * the process. After {@link SessionStore.synced} resolves, it also survives a power failure.
 */
export class SessionStore {
  readonly durable: boolean;
  readonly #database: DatabaseSync;
  readonly #maxBytes: number;
  readonly #statements = new Map<string, StatementSync>();
  readonly #sync: WalSync | undefined;
  /** Only set for a store in memory, where messages need not wait for their rows. */
  readonly #writeBehind: WriteBehind | undefined;
  #bytes = 0;

  /** Without a directory the store is in memory and keeps up to `maxMemoryBytes` of payloads. */
  constructor(directory: string | undefined, maxMemoryBytes: number) {
    this.durable = directory !== undefined;
    this.#maxBytes = this.durable ? Number.POSITIVE_INFINITY : maxMemoryBytes;
    this.#database = open(directory);
    this.#sync = directory === undefined ? undefined : new WalSync(join(directory, fileName));
    this.#writeBehind = directory === undefined ? new WriteBehind(this.#database) : undefined;
  }

  close(): void {
    this.#writeBehind?.discard();
    this.#database.close();
    this.#sync?.close();
  }

  /** Calls `done` once all current commits are on disk; immediately for a store in memory. */
  whenSynced(done: () => void): void {
    if (this.#sync) this.#sync.after(done, () => {});
    else done();
  }

  /** Resolves once all current commits are on disk. Throws `sandbox.log_failed`. */
  async synced(): Promise<void> {
    const sync = this.#sync;
    if (sync) await new Promise<void>((resolve, reject) => sync.after(resolve, reject));
  }

  insertSession(record: SessionRecord): StoredSession {
    const sql = "INSERT INTO sessions (id, created_at, version, data) VALUES (?, ?, ?, ?) RETURNING key";
    const row = this.#sql(sql).get(record.id, record.createdAt, entryVersion, JSON.stringify(record));
    return { key: Number(row?.key), record };
  }

  updateSession(key: number, record: SessionRecord): void {
    const sql = "UPDATE sessions SET version = ?, data = ? WHERE key = ?";
    const values = () => [entryVersion, JSON.stringify(record), key];
    const behind = this.#writeBehind;
    // Each turn changes the record twice. Write-behind serializes it once for both.
    this.#attempt(() => {
      const statement = this.#statement(sql);
      if (behind) behind.replace(statement, key, values);
      else statement.run(...values());
    });
  }

  session(id: string): StoredSession | undefined {
    const row = this.#sql("SELECT key, version, data FROM sessions WHERE id = ?").get(id);
    return row && { key: Number(row.key), record: parse(row) };
  }

  /** All sessions, newest first. */
  sessions(): StoredSession[] {
    return this.#sql("SELECT key, version, data FROM sessions ORDER BY created_at DESC, key DESC")
      .all()
      .map((row) => ({ key: Number(row.key), record: parse(row) }));
  }

  /** At most `limit` sessions after the cursor, newest first. */
  sessionsAfter(after: SessionPosition | undefined, limit: number): StoredSession[] {
    const { createdAt, key } = after ?? { createdAt: Number.MAX_SAFE_INTEGER, key: Number.MAX_SAFE_INTEGER };
    const sql = `SELECT key, version, data FROM sessions WHERE (created_at, key) < (?, ?)
      ORDER BY created_at DESC, key DESC LIMIT ?`;
    return this.#sql(sql)
      .all(createdAt, key, limit)
      .map((row) => ({ key: Number(row.key), record: parse(row) }));
  }

  /** Finds a session by the id that it has at its agent. */
  sessionOfAgent(agent: string, agentSessionId: string): StoredSession | undefined {
    const sql = `SELECT key, version, data FROM sessions
      WHERE json_extract(data, '$.agentSessionId') = ? AND json_extract(data, '$.agent') = ?
      ORDER BY key DESC LIMIT 1`;
    const row = this.#sql(sql).get(agentSessionId, agent);
    return row && { key: Number(row.key), record: parse(row) };
  }

  deleteSession(key: number): void {
    this.#sql("DELETE FROM sessions WHERE key = ?").run(key);
    if (!this.durable) this.#bytes = this.#payloadBytes();
  }

  /** Appends a log entry in one transaction with the writes of `beside`. */
  append(
    key: number,
    sequence: number,
    createdAt: number,
    sender: Sender,
    payload: string,
    beside?: () => void,
  ): void {
    const sql = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)";
    this.#transaction(() => {
      beside?.();
      this.#write(sql, key, sequence, entryVersion, createdAt, sender, payload);
    }, beside !== undefined);
    if (this.durable) return;
    this.#bytes += Buffer.byteLength(payload);
    if (this.#bytes > this.#maxBytes) this.#dropOldestEntries();
  }

  /** Entries after `after`, in order. */
  entries(key: number, after: number, limit: number): LogEntry[] {
    return this.#sql("SELECT * FROM events WHERE session = ? AND sequence > ? ORDER BY sequence LIMIT ?")
      .all(key, after, limit)
      .map(entry);
  }

  /** Entries up to `upTo`, the newest first. */
  *entriesBackwards(key: number, upTo: number): Generator<LogEntry> {
    const sql = "SELECT * FROM events WHERE session = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 256";
    for (let last = upTo; ; ) {
      const page = this.#sql(sql).all(key, last).map(entry);
      yield* page;
      const oldest = page.at(-1);
      if (!oldest) return;
      last = oldest.sequence - 1;
    }
  }

  lastSequence(key: number): number {
    return Number(this.#sql("SELECT max(sequence) AS n FROM events WHERE session = ?").get(key)?.n ?? 0);
  }

  /** Inserts a prompt, or updates its state; its position never changes. */
  putPrompt(key: number, position: number, record: PromptRecord): void {
    const sql = `INSERT INTO prompts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session, id)
      DO UPDATE SET status = excluded.status, version = excluded.version, data = excluded.data`;
    const data = JSON.stringify(record);
    this.#write(sql, key, record.id, position, record.status, entryVersion, data);
  }

  prompt(key: number, id: string): PromptRecord | undefined {
    const row = this.#sql("SELECT version, data FROM prompts WHERE session = ? AND id = ?").get(key, id);
    return row && parse(row);
  }

  prompts(key: number): PromptRecord[] {
    const sql = "SELECT version, data FROM prompts WHERE session = ? ORDER BY position";
    return this.#sql(sql)
      .all(key)
      .map((row) => parse(row));
  }

  /** Ids of sessions with a prompt or a permission that is not settled. */
  unsettledSessions(): string[] {
    const sql = `SELECT id FROM sessions WHERE key IN
      (SELECT session FROM prompts WHERE status IN ('queued', 'running')
      UNION SELECT session FROM permissions WHERE state = 'pending')`;
    return this.#sql(sql)
      .all()
      .map((row) => String(row.id));
  }

  putPermission(key: number, permission: PermissionView): void {
    const sql = `INSERT INTO permissions (session, id, state, version, data) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (session, id) DO UPDATE
      SET state = excluded.state, version = excluded.version, data = excluded.data`;
    const data = JSON.stringify(permission);
    this.#write(sql, key, permission.id, permission.state, entryVersion, data);
  }

  /** Permissions of one session, or of all, the oldest first. */
  permissions(key: number | undefined, state: string | undefined): PermissionView[] {
    const sql = `SELECT version, data FROM permissions WHERE (?1 IS NULL OR session = ?1)
      AND (?2 IS NULL OR state = ?2) ORDER BY key`;
    return this.#sql(sql)
      .all(key ?? null, state ?? null)
      .map((row) => parse(row));
  }

  permission(key: number, id: string): PermissionView | undefined {
    const row = this.#sql("SELECT version, data FROM permissions WHERE session = ? AND id = ?").get(key, id);
    return row && parse(row);
  }

  countPermissions(key: number, state: string): number {
    const sql = "SELECT count(*) AS n FROM permissions WHERE session = ? AND state = ?";
    return Number(this.#sql(sql).get(key, state)?.n ?? 0);
  }

  /** Frees memory: drops the older half of the longest log. Its readers get a gap. */
  #dropOldestEntries(): void {
    const sql =
      "SELECT session, min(sequence) AS first, max(sequence) AS last FROM events GROUP BY session ORDER BY sum(octet_length(payload)) DESC LIMIT 1";
    const row = this.#sql(sql).get();
    const [first, last] = [Number(row?.first), Number(row?.last)];
    // The newest entry stays whatever its size, because live readers have to get it.
    const upTo = Math.min(first + Math.floor((last - first) / 2), last - 1);
    this.#sql("DELETE FROM events WHERE session = ? AND sequence <= ?").run(Number(row?.session), upTo);
    this.#bytes = this.#payloadBytes();
  }

  #payloadBytes(): number {
    return Number(this.#sql("SELECT sum(octet_length(payload)) AS n FROM events").get()?.n ?? 0);
  }

  /** Runs `work` in a transaction if it makes several writes; throws as {@link #attempt} does. */
  #transaction(work: () => void, areSeveral: boolean): void {
    // The write-behind buffer makes its writes in one transaction anyway.
    if (!areSeveral || this.#writeBehind) {
      work();
      return;
    }
    this.#attempt(() => this.#database.exec("BEGIN IMMEDIATE"));
    try {
      work();
      this.#attempt(() => this.#database.exec("COMMIT"));
    } finally {
      // Some errors have already rolled the transaction back.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    }
  }

  /** Writes a row; throws as {@link #attempt} does. */
  #write(sql: string, ...values: readonly SQLInputValue[]): void {
    this.#attempt(() => {
      const statement = this.#statement(sql);
      if (this.#writeBehind) this.#writeBehind.add(statement, values);
      else statement.run(...values);
    });
  }

  /** Runs a write. Throws `sandbox.log_failed` if the disk is full or broken. */
  #attempt(write: () => void): void {
    if (this.#sync?.failure) throw this.#sync.failure;
    try {
      write();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw problem("log_failed", 507, `the session log could not be written: ${text}`);
    }
  }

  /** A prepared statement for reads: flushes buffered writes first. */
  #sql(sql: string): StatementSync {
    this.#writeBehind?.flush();
    return this.#statement(sql);
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function open(directory: string | undefined): DatabaseSync {
  if (directory === undefined) {
    const database = new DatabaseSync(":memory:");
    migrate(database);
    return database;
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(directory, fileName), { timeout: 0 });
  try {
    // Exclusive lock, because a second server on this directory would assign the same sequences.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    if (isCorruption(error))
      throw createDamagedError(`The session log ${join(directory, fileName)} cannot be read`, {});
    if (!String(error).includes("locked")) throw error;
    throw new HoldfastError(
      "sandbox",
      "data_directory_in_use",
      `The data directory ${directory} is in use by another server`,
      { statusCode: 409, metadata: { directory } },
    );
  }
}

/** Whether SQLite reports a corrupt file or a file that is not a database. Source: sqlite.org/rescode.html. */
function isCorruption(error: unknown): boolean {
  const [corrupt, notDatabase] = [11, 26];
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return code === corrupt || code === notDatabase;
}

function createDamagedError(message: string, metadata: Readonly<Record<string, unknown>>): HoldfastError {
  return new HoldfastError("sandbox", "log_damaged", message, { metadata });
}

type Row = Readonly<Record<string, SQLOutputValue>>;

function entry(row: Row): LogEntry {
  return {
    version: Number(row.version),
    sequence: Number(row.sequence),
    createdAt: Number(row.created_at),
    sender: parseSender(row.sender),
    payload: String(row.payload),
  };
}

function parseSender(value: unknown): Sender {
  if (value === "client" || value === "agent") return value;
  return "server";
}

/** Parses a row that this program wrote. Older versions are upgraded here; there is only one so far. */
function parse<T extends object>(row: Row): T {
  const value: unknown = JSON.parse(String(row.data));
  if (Number(row.version) !== entryVersion || !isRecord(value)) {
    throw createDamagedError("An entry of the session log cannot be read", { version: Number(row.version) });
  }
  return value as T;
}
