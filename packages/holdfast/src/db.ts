/** `holdfast/db`: the SQLite database of an actor. */
export {
  type DatabaseConfig,
  type DatabaseProvider,
  type DatabaseProviderContext,
  db,
  type RawAccess,
  type SqlRow,
  type SqlValue,
  type TransactionOptions,
} from "@holdfast/actors";
