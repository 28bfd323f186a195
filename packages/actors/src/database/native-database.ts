import type { SqlValue } from "./sql-value.ts";

/** Values by position, or by name. */
export type SqliteBindings = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

/** Rows as arrays of values, in the order of the columns. */
export interface SqliteQueryResult {
  readonly columns: readonly string[];
  readonly rows: unknown[][];
}

/** What a statement that may write answers. */
export interface SqliteExecuteResult extends SqliteQueryResult {
  /** Rows that the last `INSERT`, `UPDATE` or `DELETE` has changed. */
  readonly changes: number;
  readonly lastInsertRowId: number | null;
}

/** One of several statements that run together. */
export interface SqliteBatchStatement {
  readonly sql: string;
  readonly params?: SqliteBindings;
}

/** The database without `c.db` around it, for a provider that builds a client of its own. */
export interface SqliteDatabase {
  /** Runs one statement after the other; `callback` gets each row of those that have rows. */
  exec(sql: string, callback?: (row: unknown[], columns: readonly string[]) => void): Promise<void>;
  /** Runs one statement. */
  execute(sql: string, params?: SqliteBindings): Promise<SqliteExecuteResult>;
  /** Runs them in one transaction. */
  executeBatch(statements: readonly SqliteBatchStatement[]): Promise<SqliteExecuteResult[]>;
  /** Waits for its place; undone after `timeoutMs` milliseconds, 60,000 by default. */
  beginTransaction(timeoutMs?: number, name?: string): Promise<SqliteTransactionDatabase>;
  run(sql: string, params?: SqliteBindings): Promise<void>;
  query(sql: string, params?: SqliteBindings): Promise<SqliteQueryResult>;
  close(): Promise<void>;
}

/** One open transaction: it ends with the first `commit` or `rollback`. */
export interface SqliteTransactionDatabase extends Pick<SqliteDatabase, "exec" | "execute"> {
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** The least that a client of plain SQL has. */
export interface RawDatabaseClient {
  exec<Row extends Record<string, unknown> = Record<string, unknown>>(
    query: string,
    ...args: unknown[]
  ): Promise<Row[]> | Row[];
}

/** Opens the database for a provider that builds a client of its own. */
export interface NativeDatabaseProvider {
  /** The database of this actor, which is open already: all callers get the same. */
  open(actorId: string): Promise<SqliteDatabase>;
}
