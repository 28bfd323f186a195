import type { DatabaseProvider, RawAccess, SqliteProfilingOptions } from "./database.ts";

/** Options of `db()`. */
export interface DatabaseConfig {
  /** At each start, in a transaction of its own: brings the tables up to date. */
  readonly onMigrate?: (db: RawAccess) => Promise<void> | void;
  /** Says so once when `BEGIN` is used by hand; true by default. */
  readonly warnOnManualTransactions?: boolean;
  /** Accepted, without effect. */
  readonly profiling?: SqliteProfilingOptions;
}

/**
 * The SQLite database of an actor, for the key `db` of its definition. What runs on `c.db` is part of
 * the turn: it commits with the state and everything else.
 */
export function db(config: DatabaseConfig = {}): DatabaseProvider<RawAccess> {
  const { onMigrate, warnOnManualTransactions = true } = config;
  return {
    warnOnManualTransactions,
    createClient: (context) => context.database,
    ...(onMigrate === undefined ? {} : { onMigrate: (client) => onMigrate(client) }),
  };
}
