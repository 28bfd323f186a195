/** The API of `c.db`: statements, migrations, Drizzle, the native form. */
import type { Logger } from "@holdfast/core";
import type { ActorKv } from "../kv.ts";
import type { NativeDatabaseProvider } from "./native-database.ts";
import type { SqlValue } from "./sql-value.ts";

/** One row, by column name. Whole numbers beyond 2^53 are bigints, bytes are `Uint8Array`. */
export type SqlRow = Record<string, unknown>;

/** Values that SQLite accepts. */
export type SqlInput = null | number | string | bigint | Uint8Array;

/** By position, or by name with or without its sigil. */
export type SqlParameters = readonly SqlInput[] | Readonly<Record<string, SqlInput>>;

/**
 * - `read`: changes nothing.
 * - `write`: belongs to the transaction of the turn.
 * - `begin`, `commit`, `rollback`: whoever uses the port turns these into savepoints.
 * - `alone`: runs only outside of a transaction (`VACUUM`, some pragmas).
 */
export type StatementKind = "read" | "write" | "begin" | "commit" | "rollback" | "alone";

/** A statement, good until the next one is prepared or the turn ends. */
export interface ActorStatement {
  readonly kind: StatementKind;
  /** The rest of the text after this statement. */
  readonly rest: string;
  /** The names of the columns of its rows. */
  readonly columns: readonly string[];
  /** Runs it and returns its rows as plain objects. */
  rows(parameters?: SqlParameters): SqlRow[];
  /** Runs it and returns its rows as arrays, in the order of the columns. */
  values(parameters?: SqlParameters): unknown[][];
}

/**
 * The SQLite database of one running actor, as the store hands it out. A `write` opens a transaction
 * that the actor's next commit ends, together with all else that the commit carries.
 *
 * SQL that is wrong throws an `Error` with SQLite's own message and its result code in `errcode`;
 * `db.reserved`, `db.not_allowed`, `db.transaction_lost` and the errors of the store are typed.
 */
export interface ActorDatabase {
  /** Compiles the first statement of `sql`; undefined if there are only blanks and comments. */
  prepare(sql: string): ActorStatement | undefined;
  /** True while writes wait for the next commit. */
  readonly inTransaction: boolean;
  savepoint(name: string): void;
  release(name: string): void;
  /** Rolls back to the savepoint, and releases it. */
  rollback(name: string): void;
  /**
   * Ends the transaction of an actor that is being created, so that an `alone` statement can run;
   * returns false for an actor that exists: its transactions end with its commits.
   */
  settle(): boolean;
  /** Rolls back what was not committed, and closes the database. Idempotent. */
  close(): void;
}

/** Opens the databases of running actors: `ActorStore.databases`. */
export interface DatabaseStore {
  /**
   * Opens the database of an actor that its owner has acquired with this epoch, or that is being made
   * (`isNew`). An actor that had none gets an empty one.
   */
  open(actorId: string, epoch: number, isNew: boolean): Promise<ActorDatabase>;
}

/** The context of a provider that creates `c.db`. */
export interface DatabaseProviderContext {
  readonly actorId: string;
  readonly log: Logger;
  /** The actor's database with its transactions in order. */
  readonly database: RawAccess;
  /** The same with the interface of a driver, for client libraries. */
  readonly nativeDatabaseProvider: NativeDatabaseProvider;
  /** The actor's `kv`. */
  readonly kv: Pick<ActorKv, "batchPut" | "batchGet" | "batchDelete" | "deleteRange">;
}

/** The second argument of `c.db.transaction`. */
export interface TransactionOptions {
  /** A name for measurements; not empty. */
  readonly name?: string;
  /** `includeState`: accepted; the state commits with the transaction's turn in any case. */
  readonly experimental?: { readonly includeState?: boolean };
  /** After this many milliseconds the transaction is undone: 60,000 by default. */
  readonly timeout?: number;
}

/** `c.db`. See docs/reference/database.md. */
export interface RawAccess {
  /**
   * Runs SQL in the turn that is open and resolves with its rows. Several statements are possible
   * where no arguments are given; the rows are those of the last. While a transaction of another
   * caller is open it waits for its turn. Arguments are {@link SqlArguments}: what a row has given, whose
   * type is not known, may be passed on; anything else throws `db.invalid_binding`.
   */
  execute<T = SqlRow>(sql: string, ...args: readonly unknown[]): Promise<T[]>;
  /** As `execute`, with the values of the template bound. */
  sql<T = SqlRow>(strings: TemplateStringsArray, ...values: readonly SqlValue[]): Promise<T[]>;
  /** Runs one read-only statement synchronously. Sees all earlier writes. */
  query<T = SqlRow>(sql: string, ...args: SqlArguments): T[];
  /** The first row of a read-only statement. */
  get<T = SqlRow>(sql: string, ...args: SqlArguments): T | undefined;
  /** One statement, with its rows as arrays of values. For query builders. */
  values(sql: string, parameters: readonly SqlValue[]): Promise<unknown[][]>;
  /**
   * Runs `callback` as one transaction: committed with the turn in which it resolves, undone when it
   * throws. Others wait, in order, and so does everything that would leave the actor meanwhile. Use
   * `tx` inside it: what `c.db` is asked for there waits for the end of the transaction.
   */
  transaction<T>(callback: (tx: RawAccess) => Promise<T> | T, options?: TransactionOptions): Promise<T>;
  /** Closes the database: later use throws `db.closed`. An actor that goes to sleep does so by itself. */
  close(): Promise<void>;
}

/** Positional values, or one object of named ones. */
export type SqlArguments = readonly SqlValue[] | readonly [Readonly<Record<string, SqlValue>>];

/** The return value of `db()`: makes `c.db` at each start, then brings its tables up to date. */
export interface DatabaseProvider<Client> {
  /** Says so once when `BEGIN` is used by hand; true by default. */
  readonly warnOnManualTransactions?: boolean;
  createClient(context: DatabaseProviderContext): Promise<Client> | Client;
  /** At each start, in a transaction of its own. */
  onMigrate?(client: Client): Promise<void> | void;
}

/** Any provider, or undefined. */
export type AnyDatabase = DatabaseProvider<unknown> | undefined;

/** Measurements of SQL, which the runtime has of its own: accepted, without effect. */
export interface SqliteProfilingOptions {
  readonly enabled?: boolean;
  readonly [setting: string]: number | boolean | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: the predecessor leaves the `c.db` of such a definition untyped, and its programs read `rows[0].name`.
type UnaskedRow = any;

/** `c.db` of an actor without `db` in its definition: rows have the type that the caller of `execute` states. */
export interface UndeclaredDatabase extends Omit<RawAccess, "execute" | "transaction"> {
  execute<T = UnaskedRow>(sql: string, ...args: readonly unknown[]): Promise<T[]>;
  transaction<T>(
    callback: (tx: UndeclaredDatabase) => Promise<T> | T,
    options?: TransactionOptions,
  ): Promise<T>;
}

/** The type of `c.db`. */
export type DatabaseClient<Database> =
  Database extends DatabaseProvider<infer Client> ? Client : UndeclaredDatabase;
