import type { SqlValue } from "./sql-value.ts";

/** Values by position, or by name. */
export type SqliteBindings = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

/** Rows as arrays of values, in the order of the columns. */
export interface SqliteQueryResult {
  readonly columns: readonly string[];
  readonly rows: unknown[][];
}

/** The result of a statement that may write. */
export interface SqliteExecuteResult extends SqliteQueryResult {
  /** Number of rows changed by the last `INSERT`, `UPDATE` or `DELETE`. */
  readonly changes: number;
  readonly lastInsertRowId: number | null;
}

/** One statement of a batch. */
export interface SqliteBatchStatement {
  readonly sql: string;
  readonly params?: SqliteBindings;
}

/** The database without `c.db` around it, for providers that create their own client. */
export interface SqliteDatabase {
  /** Runs statements in sequence; `callback` receives each result row. */
  exec(sql: string, callback?: (row: unknown[], columns: readonly string[]) => void): Promise<void>;
  /** Runs one statement. */
  execute(sql: string, params?: SqliteBindings): Promise<SqliteExecuteResult>;
  /** Runs the statements in one transaction. */
  executeBatch(statements: readonly SqliteBatchStatement[]): Promise<SqliteExecuteResult[]>;
  /** Waits for earlier transactions; rolled back after `timeoutMs` milliseconds, 60,000 by default. */
  beginTransaction(timeoutMs?: number, name?: string): Promise<SqliteTransactionDatabase>;
  run(sql: string, params?: SqliteBindings): Promise<void>;
  query(sql: string, params?: SqliteBindings): Promise<SqliteQueryResult>;
  close(): Promise<void>;
}

/** An open transaction; ends with the first `commit` or `rollback`. */
export interface SqliteTransactionDatabase extends Pick<SqliteDatabase, "exec" | "execute"> {
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** The minimal interface of a plain SQL client. */
export interface RawDatabaseClient {
  exec<Row extends Record<string, unknown> = Record<string, unknown>>(
    query: string,
    ...args: unknown[]
  ): Promise<Row[]> | Row[];
}

/** Opens the database for a provider that creates its own client. */
export interface NativeDatabaseProvider {
  /** The database of this actor, which is already open: all callers share it. */
  open(actorId: string): Promise<SqliteDatabase>;
}
