/** Memory plugin: notes that outlive a session. */
import { randomUUID } from "node:crypto";
import { ToolError } from "@holdfast/gate/plugin";

export const entryTypes = ["preference", "fact", "instruction", "context", "correction"] as const;
export type EntryType = (typeof entryTypes)[number];

export const memoryLimits = {
  maxContentCharacters: 2_000,
  maxTags: 10,
  maxTagCharacters: 50,
  storesPerSession: 20,
  supersedesPerSession: 5,
  deletesPerSession: 5,
  maxChain: 5,
  briefEntries: 50,
  briefCharacters: 10_000,
  maxEntries: 10_000,
  /** Superseded entries are deleted after this time. */
  supersededMs: 90 * 24 * 60 * 60 * 1_000,
} as const;

/** Deletes the entries that were superseded before a time. */
export const pruneStatement = "DELETE FROM entries WHERE superseded_at IS NOT NULL AND superseded_at < ?";

/** The tables of one group's memory, version 1. */
export const memorySchema = `
CREATE TABLE entries (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  content TEXT NOT NULL,
  tags TEXT NOT NULL,
  session_id TEXT NOT NULL,
  tainted INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  chain INTEGER NOT NULL,
  supersedes TEXT,
  superseded_by TEXT,
  superseded_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_created ON entries (superseded_by, quarantined, created_at);
CREATE TABLE uses (session_id TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (session_id, kind)) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (content, tags, content='entries', content_rowid='number');
CREATE TRIGGER entries_added AFTER INSERT ON entries BEGIN
  INSERT INTO words (rowid, content, tags) VALUES (new.number, new.content, new.tags);
END;
CREATE TRIGGER entries_removed AFTER DELETE ON entries BEGIN
  INSERT INTO words (words, rowid, content, tags) VALUES ('delete', old.number, old.content, old.tags);
END;
`;

export interface MemoryEntry {
  readonly id: string;
  readonly type: EntryType;
  /** True for entries that shape behaviour. The type decides, never the caller. */
  readonly behavioral: boolean;
  readonly content: string;
  readonly tags: readonly string[];
  readonly sessionId: string;
  /** The session that stored it contained untrusted content. */
  readonly tainted: boolean;
  readonly quarantined: boolean;
  readonly supersedes: string | null;
  readonly supersededBy: string | null;
  readonly createdAt: string;
}

export interface NewEntry {
  readonly type: EntryType;
  readonly content: string;
  readonly tags: readonly string[];
  readonly supersedes?: string;
  readonly sessionId: string;
  readonly tainted: boolean;
}

export interface SearchOptions {
  readonly query?: string;
  readonly tags?: readonly string[];
  readonly type?: EntryType;
  readonly includeSuperseded?: boolean;
  readonly limit?: number;
}

const behavioral: ReadonlySet<string> = new Set(["preference", "instruction", "correction"]);

function refused(message: string, field?: string): ToolError {
  return new ToolError({ code: "HANDLER_ERROR", message, retriable: false, field });
}

/** One statement of a memory's database at a time: the connection of a file, or `c.db` of an actor. */
export interface MemoryStatements {
  /** Runs a statement and returns its rows. */
  execute(sql: string, ...values: readonly (string | number | null)[]): Promise<Record<string, unknown>[]>;
}

/** The database of one group's memory, with the tables of {@link memorySchema}. */
export interface MemoryDatabase extends MemoryStatements {
  /** Runs `run` as one transaction, rolled back if it throws. Other callers wait. */
  transaction<Result>(run: (tx: MemoryStatements) => Promise<Result>): Promise<Result>;
}

/** Memory of one group. */
export class MemoryStore {
  readonly #db: MemoryDatabase;
  readonly #now: () => number;

  constructor(db: MemoryDatabase, now: () => number = Date.now) {
    this.#db = db;
    this.#now = now;
  }

  /** Deletes the entries that were superseded long ago. */
  async prune(): Promise<void> {
    await this.#db.execute(pruneStatement, this.#now() - memoryLimits.supersededMs);
  }

  /** Stored in the database when it resolves. Throws a `ToolError` beyond a limit. */
  store(entry: NewEntry): Promise<MemoryEntry> {
    return this.#db.transaction(async (tx) => {
      await count(tx, entry.sessionId, "store", memoryLimits.storesPerSession);
      const [total] = await tx.execute("SELECT count(*) AS n FROM entries");
      if (Number(total?.["n"]) >= memoryLimits.maxEntries)
        throw refused(`The memory is full (${memoryLimits.maxEntries} entries). Delete some first`);
      const id = randomUUID();
      const now = this.#now();
      let chain = 0;
      if (entry.supersedes !== undefined) chain = await supersede(tx, entry, entry.supersedes, id, now);
      // Text of a page or a mail must not become a rule because an agent stored it.
      const quarantined = entry.tainted && behavioral.has(entry.type);
      await tx.execute(
        `INSERT INTO entries (id, type, content, tags, session_id, tainted, quarantined, chain, supersedes, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        id,
        entry.type,
        entry.content,
        JSON.stringify(entry.tags),
        entry.sessionId,
        entry.tainted ? 1 : 0,
        quarantined ? 1 : 0,
        chain,
        entry.supersedes ?? null,
        now,
      );
      return byId(tx, id);
    });
  }

  async search({
    query,
    tags = [],
    type,
    includeSuperseded = false,
    limit = 20,
  }: SearchOptions): Promise<MemoryEntry[]> {
    const match = query === undefined ? "" : toFtsQuery(query);
    if (query !== undefined && match === "") return [];
    const conditions = ["entries.quarantined = 0"];
    const values: (string | number)[] = [];
    if (match !== "") {
      conditions.push("words MATCH ?");
      values.push(match);
    }
    if (!includeSuperseded) conditions.push("entries.superseded_by IS NULL");
    if (type !== undefined) {
      conditions.push("entries.type = ?");
      values.push(type);
    }
    for (const tag of tags) {
      conditions.push("EXISTS (SELECT 1 FROM json_each(entries.tags) WHERE value = ?)");
      values.push(tag);
    }
    const from = match === "" ? "entries" : "words JOIN entries ON entries.number = words.rowid";
    const order = match === "" ? "entries.created_at DESC, entries.number DESC" : "words.rank";
    const rows = await this.#db.execute(
      `SELECT entries.* FROM ${from} WHERE ${conditions.join(" AND ")} ORDER BY ${order} LIMIT ?`,
      ...values,
      Math.min(Math.max(1, limit), 100),
    );
    return rows.map(toEntry);
  }

  /** Newest entries in force, behavioural ones first. */
  async brief(): Promise<MemoryEntry[]> {
    const rows = await this.#db.execute(
      `SELECT * FROM entries WHERE superseded_by IS NULL AND quarantined = 0
       ORDER BY type IN ('preference', 'instruction', 'correction') DESC, created_at DESC, number DESC LIMIT ?`,
      memoryLimits.briefEntries,
    );
    return rows.map(toEntry);
  }

  async quarantined(): Promise<MemoryEntry[]> {
    const rows = await this.#db.execute(
      "SELECT * FROM entries WHERE quarantined = 1 ORDER BY number DESC LIMIT 100",
    );
    return rows.map(toEntry);
  }

  release(id: string): Promise<MemoryEntry> {
    return this.#db.transaction(async (tx) => {
      const [released] = await tx.execute(
        "UPDATE entries SET quarantined = 0 WHERE id = ? AND quarantined = 1 RETURNING id",
        id,
      );
      if (released === undefined) throw refused(`No entry ${id} in quarantine`, "id");
      return byId(tx, id);
    });
  }

  /**
   * Deletes an entry. Throws a `ToolError` beyond the session's limit, or when the session may not delete the entry.
   */
  delete(id: string, { sessionId, tainted }: Pick<NewEntry, "sessionId" | "tainted">): Promise<void> {
    return this.#db.transaction(async (tx) => {
      await count(tx, sessionId, "delete", memoryLimits.deletesPerSession);
      const entry = await byId(tx, id, "id");
      // A tainted session may not set rules, so it may not delete them either.
      if (tainted && !(entry.quarantined || (entry.tainted && !entry.behavioral))) {
        throw refused("A session with untrusted content can delete only entries of such sessions", "id");
      }
      await tx.execute("DELETE FROM entries WHERE id = ?", id);
    });
  }
}

async function supersede(
  tx: MemoryStatements,
  entry: NewEntry,
  id: string,
  by: string,
  now: number,
): Promise<number> {
  await count(tx, entry.sessionId, "supersede", memoryLimits.supersedesPerSession);
  const [old] = await tx.execute("SELECT chain, superseded_by FROM entries WHERE id = ?", id);
  if (old === undefined) throw refused(`No such entry: ${id}`, "supersedes");
  if (old["superseded_by"] !== null) throw refused(`The entry ${id} was superseded already`, "supersedes");
  // A tainted session may not set rules, so it may not replace them either.
  if (entry.tainted) throw refused("A session with untrusted content cannot supersede entries", "supersedes");
  const chain = Number(old["chain"]) + 1;
  if (chain > memoryLimits.maxChain) {
    throw refused(`An entry can be superseded at most ${memoryLimits.maxChain} times`, "supersedes");
  }
  await tx.execute("UPDATE entries SET superseded_by = ?, superseded_at = ? WHERE id = ?", by, now, id);
  return chain;
}

/** Counts in the database, so that a restart does not reset the limit. */
async function count(tx: MemoryStatements, sessionId: string, kind: string, most: number): Promise<void> {
  const [row] = await tx.execute(
    `INSERT INTO uses (session_id, kind, count) VALUES (?, ?, 1)
     ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count`,
    sessionId,
    kind,
  );
  if (Number(row?.["count"]) <= most) return;
  throw new ToolError({
    code: "LIMIT_REACHED",
    message: `A session is limited to ${most} of these operations (${kind})`,
    retriable: false,
  });
}

async function byId(tx: MemoryStatements, id: string, field?: string): Promise<MemoryEntry> {
  const [row] = await tx.execute("SELECT * FROM entries WHERE id = ?", id);
  if (row === undefined) throw refused(`No such entry: ${id}`, field);
  return toEntry(row);
}

/** Quotes each word, so that search operators count as plain words. Combining accents belong to their word. */
function toFtsQuery(query: string): string {
  return (query.match(/[\p{L}\p{M}\p{N}_]+/gu) ?? [])
    .slice(0, 32)
    .map((word) => `"${word}"`)
    .join(" ");
}

function toEntry(row: Record<string, unknown>): MemoryEntry {
  const type = entryTypes.find((each) => each === row["type"]) ?? "context";
  const tags: unknown = JSON.parse(String(row["tags"]));
  const text = (value: unknown) => (value === null || value === undefined ? null : String(value));
  return {
    id: String(row["id"]),
    type,
    behavioral: behavioral.has(type),
    content: String(row["content"]),
    tags: Array.isArray(tags) ? tags.map(String) : [],
    sessionId: String(row["session_id"]),
    tainted: Number(row["tainted"]) === 1,
    quarantined: Number(row["quarantined"]) === 1,
    supersedes: text(row["supersedes"]),
    supersededBy: text(row["superseded_by"]),
    createdAt: new Date(Number(row["created_at"])).toISOString(),
  };
}
