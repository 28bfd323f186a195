import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Which of the two functions a statement calls, itself or in a trigger. */
export interface FunctionUse {
  readonly rowid: boolean;
  readonly changes: boolean;
}

const scratchTables = `
  CREATE TEMP TABLE IF NOT EXISTS _holdfast_last (no INTEGER PRIMARY KEY);
  CREATE TEMP TABLE IF NOT EXISTS _holdfast_count (no INTEGER PRIMARY KEY);
`;

/**
 * Preserves the results of `last_insert_rowid()` and `changes()` for the user of one file. The store writes on the
 * same connection and closes it in between: it saves the values first and restores them before user SQL can see a
 * difference. Node exposes no SQLite call for that, so rows of temporary tables are written to the same effect.
 */
export class LastWrite {
  #database: DatabaseSync | undefined;
  #probe: StatementSync | undefined;
  /** Created on demand. */
  #statements: ReturnType<typeof prepareStatements> | undefined;
  /** The values to restore; undefined while the connection has the right ones. */
  #rowid: number | bigint | undefined = 0;
  #changes: number | bigint | undefined = 0;

  /** Called when a connection was opened. */
  attach(database: DatabaseSync): void {
    this.#database = database;
    this.#statements = undefined;
    this.#probe = database.prepare("SELECT 1");
    this.#probe.setReadBigInts(true);
  }

  /** Called for a new owner, which has written nothing. */
  reset(): void {
    this.#rowid = 0;
    this.#changes = 0;
  }

  /** Called before the store writes, or closes the connection. */
  save(): void {
    if (this.#rowid !== undefined && this.#changes !== undefined) return;
    const result = this.#probe?.run();
    this.#rowid ??= result?.lastInsertRowid ?? 0;
    this.#changes ??= result?.changes ?? 0;
  }

  /** Called before a statement of the user: one that writes may keep the row id. */
  restore(writes: boolean, use: FunctionUse): void {
    const rowid = (writes || use.rowid || use.changes) && this.#rowid !== undefined;
    const changes = use.changes && this.#changes !== undefined;
    if (!rowid && !changes) return;
    this.save();
    const database = this.#database;
    if (database === undefined) return;
    try {
      this.#write(database, changes);
    } catch {
      // The tables do not exist yet, or were rolled back with a transaction.
      database.exec(scratchTables);
      this.#write(database, changes);
    }
    this.#rowid = undefined;
    if (changes) this.#changes = undefined;
  }

  #write(database: DatabaseSync, withChanges: boolean): void {
    this.#statements ??= prepareStatements(database);
    const { fill, emptyCount, setRowid, emptyLast } = this.#statements;
    const rows = Number(this.#changes ?? 0);
    if (withChanges && rows > 0) fill.run(rows);
    setRowid.run(this.#rowid ?? 0);
    emptyLast.run();
    // Last, because deleting keeps the row id.
    if (withChanges) emptyCount.run();
  }

  /** Called when a statement of the user has set `changes()`. */
  changesReplaced(): void {
    this.#changes = undefined;
  }
}

function prepareStatements(database: DatabaseSync) {
  return {
    fill: database.prepare(`INSERT INTO temp._holdfast_count (no) WITH RECURSIVE n (i) AS
      (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n`),
    emptyCount: database.prepare("DELETE FROM temp._holdfast_count"),
    setRowid: database.prepare("REPLACE INTO temp._holdfast_last (no) VALUES (?)"),
    emptyLast: database.prepare("DELETE FROM temp._holdfast_last"),
  };
}
