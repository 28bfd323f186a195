import type { DatabaseSync, StatementSync } from "node:sqlite";

/** What of it a statement calls, itself or in a trigger that it fires. */
export interface FunctionUse {
  readonly rowid: boolean;
  readonly changes: boolean;
}

const scratch = `
  CREATE TEMP TABLE IF NOT EXISTS _holdfast_last (no INTEGER PRIMARY KEY);
  CREATE TEMP TABLE IF NOT EXISTS _holdfast_count (no INTEGER PRIMARY KEY);
`;

/**
 * What `last_insert_rowid()` and `changes()` tell the user of one file. The store writes on the same
 * connection, and closes it in between: what they told before is kept then, and put back before user
 * SQL can see the difference. SQLite has no call for that which Node knows, so that rows of temporary
 * tables are written to the same effect.
 */
export class LastWrite {
  #database: DatabaseSync | undefined;
  #probe: StatementSync | undefined;
  /** Made when they are first needed. */
  #statements: ReturnType<typeof prepareStatements> | undefined;
  /** What is to be put back; undefined while what the connection says is right. */
  #rowid: number | bigint | undefined = 0;
  #changes: number | bigint | undefined = 0;

  /** A connection was opened. */
  attach(database: DatabaseSync): void {
    this.#database = database;
    this.#statements = undefined;
    this.#probe = database.prepare("SELECT 1");
    this.#probe.setReadBigInts(true);
  }

  /** A new owner has written nothing. */
  forget(): void {
    this.#rowid = 0;
    this.#changes = 0;
  }

  /** The store is about to write, or to close the connection. */
  keep(): void {
    if (this.#rowid !== undefined && this.#changes !== undefined) return;
    const told = this.#probe?.run();
    this.#rowid ??= told?.lastInsertRowid ?? 0;
    this.#changes ??= told?.changes ?? 0;
  }

  /** A statement of the user is about to run: one that writes may leave the row id as it is. */
  putBack(writes: boolean, asks: FunctionUse): void {
    const rowid = (writes || asks.rowid || asks.changes) && this.#rowid !== undefined;
    const changes = asks.changes && this.#changes !== undefined;
    if (!rowid && !changes) return;
    this.keep();
    const database = this.#database;
    if (database === undefined) return;
    try {
      this.#write(database, changes);
    } catch {
      // The tables are not there yet, or went with a transaction that was undone.
      database.exec(scratch);
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
    // Last of all: deleting leaves the row id alone.
    if (withChanges) emptyCount.run();
  }

  /** A statement of the user has set `changes()`. */
  counted(): void {
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
