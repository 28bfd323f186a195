/** Memory plugin: notes that outlive a session. */
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
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

const schemaVersion = 1;

const schema = `
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

/** Memory of one group, in a database whose file name is a hash. */
export class MemoryStore {
  readonly #db: DatabaseSync;
  readonly #now: () => number;

  /** Throws when a later version wrote the database. */
  constructor(directory: string, group: string, now: () => number = Date.now) {
    const name = createHash("sha256").update(group).digest("hex").slice(0, 32);
    // Set first: the previous process may still be closing the database.
    this.#db = new DatabaseSync(join(directory, `${name}.sqlite`), { timeout: 5_000 });
    this.#now = now;
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#migrate();
    this.#db
      .prepare("DELETE FROM entries WHERE superseded_at IS NOT NULL AND superseded_at < ?")
      .run(now() - memoryLimits.supersededMs);
  }

  #migrate(): void {
    const row = this.#db.prepare("PRAGMA user_version").get();
    const version = Number(row?.["user_version"]);
    if (version > schemaVersion) {
      this.#db.close();
      throw new Error(
        `The memory has version ${version}, but this plugin supports only ${schemaVersion}. Update Holdfast.`,
      );
    }
    if (version === 0) {
      this.#inTransaction(() => this.#db.exec(`${schema} PRAGMA user_version = ${schemaVersion};`));
    }
  }

  close(): void {
    this.#db.close();
  }

  /** Durable when it returns. Throws a `ToolError` beyond a limit. */
  store(entry: NewEntry): MemoryEntry {
    return this.#inTransaction(() => {
      this.#count(entry.sessionId, "store", memoryLimits.storesPerSession);
      const total = Number(this.#db.prepare("SELECT count(*) AS n FROM entries").get()?.["n"]);
      if (total >= memoryLimits.maxEntries)
        throw refused(`The memory is full (${memoryLimits.maxEntries} entries). Delete some first`);
      const id = randomUUID();
      const now = this.#now();
      let chain = 0;
      if (entry.supersedes !== undefined) chain = this.#supersede(entry, entry.supersedes, id, now);
      // Text of a page or a mail must not become a rule because an agent stored it.
      const quarantined = entry.tainted && behavioral.has(entry.type);
      this.#db
        .prepare(
          `INSERT INTO entries (id, type, content, tags, session_id, tainted, quarantined, chain, supersedes, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
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
      return this.#byId(id);
    });
  }

  #supersede(entry: NewEntry, id: string, by: string, now: number): number {
    this.#count(entry.sessionId, "supersede", memoryLimits.supersedesPerSession);
    const old = this.#db
      .prepare("SELECT chain, superseded_by, quarantined FROM entries WHERE id = ?")
      .get(id);
    if (old === undefined) throw refused(`No such entry: ${id}`, "supersedes");
    if (old["superseded_by"] !== null) throw refused(`The entry ${id} was superseded already`, "supersedes");
    // A tainted session may not set rules, so it may not replace them either.
    if (entry.tainted)
      throw refused("A session with untrusted content cannot supersede entries", "supersedes");
    const chain = Number(old["chain"]) + 1;
    if (chain > memoryLimits.maxChain) {
      throw refused(`An entry can be superseded at most ${memoryLimits.maxChain} times`, "supersedes");
    }
    this.#db.prepare("UPDATE entries SET superseded_by = ?, superseded_at = ? WHERE id = ?").run(by, now, id);
    return chain;
  }

  search({ query, tags = [], type, includeSuperseded = false, limit = 20 }: SearchOptions): MemoryEntry[] {
    const match = query === undefined ? "" : toFtsQuery(query);
    if (query !== undefined && match === "") return [];
    const conditions = ["entries.quarantined = 0"];
    const values: SQLInputValue[] = [];
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
    return this.#db
      .prepare(`SELECT entries.* FROM ${from} WHERE ${conditions.join(" AND ")} ORDER BY ${order} LIMIT ?`)
      .all(...values, Math.min(Math.max(1, limit), 100))
      .map(toEntry);
  }

  /** Newest entries in force, behavioural ones first. */
  brief(): MemoryEntry[] {
    return this.#db
      .prepare(
        `SELECT * FROM entries WHERE superseded_by IS NULL AND quarantined = 0
         ORDER BY type IN ('preference', 'instruction', 'correction') DESC, created_at DESC, number DESC LIMIT ?`,
      )
      .all(memoryLimits.briefEntries)
      .map(toEntry);
  }

  quarantined(): MemoryEntry[] {
    return this.#db
      .prepare("SELECT * FROM entries WHERE quarantined = 1 ORDER BY number DESC LIMIT 100")
      .all()
      .map(toEntry);
  }

  release(id: string): MemoryEntry {
    const { changes } = this.#db
      .prepare("UPDATE entries SET quarantined = 0 WHERE id = ? AND quarantined = 1")
      .run(id);
    if (Number(changes) === 0) throw refused(`No entry ${id} in quarantine`, "id");
    return this.#byId(id);
  }

  /**
   * Deletes an entry. Throws a `ToolError` beyond the session's limit, or when the session may not delete the entry.
   */
  delete(id: string, { sessionId, tainted }: Pick<NewEntry, "sessionId" | "tainted">): void {
    this.#inTransaction(() => {
      this.#count(sessionId, "delete", memoryLimits.deletesPerSession);
      const entry = this.#byId(id, "id");
      // A tainted session may not set rules, so it may not delete them either.
      if (tainted && !(entry.quarantined || (entry.tainted && !entry.behavioral))) {
        throw refused("A session with untrusted content can delete only entries of such sessions", "id");
      }
      this.#db.prepare("DELETE FROM entries WHERE id = ?").run(id);
    });
  }

  /** Counts in the database, so that a restart does not reset the limit. */
  #count(sessionId: string, kind: string, most: number): void {
    const row = this.#db
      .prepare(
        `INSERT INTO uses (session_id, kind, count) VALUES (?, ?, 1)
         ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count`,
      )
      .get(sessionId, kind);
    if (Number(row?.["count"]) <= most) return;
    throw new ToolError({
      code: "LIMIT_REACHED",
      message: `A session is limited to ${most} of these operations (${kind})`,
      retriable: false,
    });
  }

  #byId(id: string, field?: string): MemoryEntry {
    const row = this.#db.prepare("SELECT * FROM entries WHERE id = ?").get(id);
    if (row === undefined) throw refused(`No such entry: ${id}`, field);
    return toEntry(row);
  }

  #inTransaction<Result>(run: () => Result): Result {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = run();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }
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
    tainted: row["tainted"] === 1,
    quarantined: row["quarantined"] === 1,
    supersedes: text(row["supersedes"]),
    supersededBy: text(row["superseded_by"]),
    createdAt: new Date(Number(row["created_at"])).toISOString(),
  };
}
