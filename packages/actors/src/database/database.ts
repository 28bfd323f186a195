/** Public API of `c.db`: statements, migrations, Drizzle, the native form. */
import type { Logger } from "@holdfast/core";
import type { ActorKv } from "../kv.ts";
import type { NativeDatabaseProvider } from "./native-database.ts";
import type { SqlValue } from "./sql-value.ts";

/** A row by column name. Integers beyond 2^53 are bigints, bytes are `Uint8Array`. */
export type SqlRow = Record<string, unknown>;

/** Values that SQLite accepts. */
export type SqlInput = null | number | string | bigint | Uint8Array;

/** Values by position, or by name with or without the sigil. */
export type SqlParameters = readonly SqlInput[] | Readonly<Record<string, SqlInput>>;

/**
 * - `read`: changes nothing.
 * - `write`: belongs to the transaction of the turn.
 * - `begin`, `commit`, `rollback`: the user of the port turns these into savepoints.
 * - `alone`: runs only outside of a transaction (`VACUUM`, some pragmas).
 */
export type StatementKind = "read" | "write" | "begin" | "commit" | "rollback" | "alone";

/** A compiled statement, valid until the next one is prepared or the turn ends. */
export interface ActorStatement {
  readonly kind: StatementKind;
  /** The remaining SQL after this statement. */
  readonly rest: string;
  /** Names of the result columns. */
  readonly columns: readonly string[];
  /** Runs the statement and returns its rows as plain objects. */
  rows(parameters?: SqlParameters): SqlRow[];
  /** Runs the statement and returns its rows as arrays, in column order. */
  values(parameters?: SqlParameters): unknown[][];
}

/**
 * The SQLite database of one running actor, as the store provides it. A `write` opens a transaction that the actor's
 * next commit ends, together with everything else in that commit. Invalid SQL throws an `Error` with SQLite's own
 * message and its result code in `errcode`; `db.reserved`, `db.not_allowed`, `db.transaction_lost` and the errors of
 * the store are typed.
 */
export interface ActorDatabase {
  /** Compiles the first statement of `sql`; undefined if there is only whitespace and comments. */
  prepare(sql: string): ActorStatement | undefined;
  /** True while writes wait for the next commit. */
  readonly inTransaction: boolean;
  /**
   * Present if the store has no savepoints: runs `work` as a transaction that is rolled back if `work` throws. The three
   * methods below are not called then.
   */
  transaction?<T>(work: () => Promise<T>): Promise<T>;
  savepoint(name: string): void;
  release(name: string): void;
  /** Rolls back to the savepoint, and releases it. */
  rollback(name: string): void;
  /**
   * Ends the transaction of an actor that is being created, so that an `alone` statement can run. Returns false for an
   * existing actor: its transactions end with its commits.
   */
  settle(): boolean;
  /** Rolls back uncommitted changes and closes the database. Idempotent. */
  close(): void;
}

/** Opens the databases of running actors: `ActorStore.databases`. */
export interface DatabaseStore {
  /**
   * Opens the database of an actor that its owner has acquired with this epoch, or that is being created (`isNew`).
   * Creates an empty database if there is none.
   */
  open(actorId: string, epoch: number, isNew: boolean): Promise<ActorDatabase>;
}

/** The context of a provider that creates `c.db`. */
export interface DatabaseProviderContext {
  readonly actorId: string;
  readonly log: Logger;
  /** The database of the actor, with transactions serialized. */
  readonly database: RawAccess;
  /** The same database with a driver-like interface, for client libraries. */
  readonly nativeDatabaseProvider: NativeDatabaseProvider;
  /** The actor's `kv`. */
  readonly kv: Pick<ActorKv, "batchPut" | "batchGet" | "batchDelete" | "deleteRange">;
}

/** The second argument of `c.db.transaction`. */
export interface TransactionOptions {
  /** A name for measurements; must not be empty. */
  readonly name?: string;
  /** `includeState`: accepted; the state commits with the transaction's turn in any case. */
  readonly experimental?: { readonly includeState?: boolean };
  /** Timeout in milliseconds, after which the transaction is rolled back; 60,000 by default. */
  readonly timeout?: number;
}

/** `c.db`. See docs/reference/database.md. */
export interface RawAccess {
  /**
   * Runs SQL in the open turn and resolves with its rows. Several statements are allowed without arguments; the rows
   * are those of the last one. Waits while another caller's transaction is open. Arguments are {@link SqlArguments};
   * values of a row, whose type is unknown, can be passed as well. Anything else throws `db.invalid_binding`.
   */
  execute<T = SqlRow>(sql: string, ...args: readonly unknown[]): Promise<T[]>;
  /** As `execute`, with the template values bound as parameters. */
  sql<T = SqlRow>(strings: TemplateStringsArray, ...values: readonly SqlValue[]): Promise<T[]>;
  /** Runs one read-only statement synchronously. Sees all preceding writes. */
  query<T = SqlRow>(sql: string, ...args: SqlArguments): T[];
  /** The first row of a read-only statement. */
  get<T = SqlRow>(sql: string, ...args: SqlArguments): T | undefined;
  /** Runs one statement and returns its rows as arrays of values. For query builders. */
  values(sql: string, parameters: readonly SqlValue[]): Promise<unknown[][]>;
  /**
   * Runs `callback` as one transaction: committed with the turn in which it resolves, rolled back if it throws. Other
   * callers wait in order, as does every output of the actor. Use `tx` inside the callback: calls on `c.db` would wait
   * for the end of the transaction.
   */
  transaction<T>(callback: (tx: RawAccess) => Promise<T> | T, options?: TransactionOptions): Promise<T>;
  /** Closes the database: later use throws `db.closed`. An actor that falls asleep closes it automatically. */
  close(): Promise<void>;
}

/** Positional values, or one object with named values. */
export type SqlArguments = readonly SqlValue[] | readonly [Readonly<Record<string, SqlValue>>];

/** The return value of `db()`: creates `c.db` at each start, then runs the migrations. */
export interface DatabaseProvider<Client> {
  /** Logs a warning when `BEGIN` is first used manually; true by default. */
  readonly warnOnManualTransactions?: boolean;
  createClient(context: DatabaseProviderContext): Promise<Client> | Client;
  /** Runs at each start, in its own transaction. */
  onMigrate?(client: Client): Promise<void> | void;
}

/** Any provider, or undefined. */
export type AnyDatabase = DatabaseProvider<unknown> | undefined;

/** Configures SQL measurements. Accepted without effect: the runtime has its own. */
export interface SqliteProfilingOptions {
  readonly enabled?: boolean;
  readonly [setting: string]: number | boolean | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: the predecessor leaves the `c.db` of such a definition untyped, and its programs read `rows[0].name`.
type AnyRow = any;

/** `c.db` of an actor without `db` in its definition: the caller of `execute` states the row type. */
export interface UndeclaredDatabase extends Omit<RawAccess, "execute" | "transaction"> {
  execute<T = AnyRow>(sql: string, ...args: readonly unknown[]): Promise<T[]>;
  transaction<T>(
    callback: (tx: UndeclaredDatabase) => Promise<T> | T,
    options?: TransactionOptions,
  ): Promise<T>;
}

/** The type of `c.db`. */
export type DatabaseClient<Database> =
  Database extends DatabaseProvider<infer Client> ? Client : UndeclaredDatabase;
