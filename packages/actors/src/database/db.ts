import type { DatabaseProvider, RawAccess, SqliteProfilingOptions } from "./database.ts";

/** Options of `db()`. */
export interface DatabaseConfig {
  /** Runs at each start, in its own transaction: creates or updates the tables. */
  readonly onMigrate?: (db: RawAccess) => Promise<void> | void;
  /** Logs a warning when `BEGIN` is first used manually; true by default. */
  readonly warnOnManualTransactions?: boolean;
  /** Accepted without effect. */
  readonly profiling?: SqliteProfilingOptions;
}

/**
 * Declares the SQLite database of an actor, for the key `db` of its definition. Statements on `c.db` belong to the
 * turn: they commit with the state and all other changes.
 */
export function db(config: DatabaseConfig = {}): DatabaseProvider<RawAccess> {
  const { onMigrate, warnOnManualTransactions = true } = config;
  return {
    warnOnManualTransactions,
    createClient: (context) => context.database,
    ...(onMigrate === undefined ? {} : { onMigrate: (client) => onMigrate(client) }),
  };
}
