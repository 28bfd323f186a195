/** `holdfast/db`: the SQLite database of an actor. */
export {
  type AnyDatabase,
  type AnyDatabase as AnyDatabaseProvider,
  type DatabaseClient,
  type DatabaseClient as InferDatabaseClient,
  type DatabaseConfig,
  type DatabaseProvider,
  type DatabaseProviderContext,
  db,
  type RawAccess,
  type SqlArguments as SqliteBindings,
  type SqliteProfilingOptions,
  type SqlRow,
  type SqlValue,
  type TransactionOptions,
  type TransactionOptions as SqliteTransactionOptions,
} from "@holdfast/actors";
