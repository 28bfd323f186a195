import { HoldfastError } from "@holdfast/core";
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import type { DatabaseProvider, RawAccess, SqliteProfilingOptions, TransactionOptions } from "./database.ts";
import type { SqlValue } from "./sql-value.ts";

export * from "drizzle-orm/sqlite-core";

/** A Drizzle schema: tables and relations by name. */
export type DrizzleSchema = Record<string, unknown>;

/** `c.db` of an actor with Drizzle: its query builder, plus the SQL methods of `db()`. */
export type DrizzleDatabase<Schema extends DrizzleSchema = Record<string, never>> = Omit<
  SqliteRemoteDatabase<Schema>,
  "transaction" | "batch"
> &
  Pick<RawAccess, "execute" | "sql" | "close"> & {
    /** Runs `callback` as one transaction; see `RawAccess.transaction`. */
    transaction<T>(
      callback: (tx: DrizzleDatabase<Schema>) => Promise<T> | T,
      options?: TransactionOptions,
    ): Promise<T>;
  };

/** The output of `drizzle-kit generate` with the driver "durable-sqlite": a journal, and SQL by `m0000`. */
export interface DrizzleMigrations {
  /** The content of `meta/_journal.json`; validated when the migrations run. */
  readonly journal: unknown;
  readonly migrations: Readonly<Record<string, string>>;
}

interface JournalEntry {
  readonly idx: number;
  readonly tag: string;
  readonly when: number;
}

/** Options of `db()`. */
export interface DrizzleDatabaseFactoryConfig<Schema extends DrizzleSchema> {
  readonly schema?: Schema;
  /** Migrations that run once each at a start, before `onMigrate`. */
  readonly migrations?: DrizzleMigrations;
  readonly onMigrate?: (db: DrizzleDatabase<Schema>) => Promise<void> | void;
  readonly warnOnManualTransactions?: boolean;
  /** Accepted without effect. */
  readonly profiling?: SqliteProfilingOptions;
}

/** @deprecated Use `DrizzleDatabaseFactoryConfig`. */
export type DrizzleConfig<Schema extends DrizzleSchema> = DrizzleDatabaseFactoryConfig<Schema>;

/** Declares a SQLite database with Drizzle, for the key `db` of a definition. */
export function db<Schema extends DrizzleSchema = Record<string, never>>(
  config: DrizzleDatabaseFactoryConfig<Schema> = {},
): DatabaseProvider<DrizzleDatabase<Schema>> {
  const { schema, migrations, onMigrate, warnOnManualTransactions = true } = config;
  return {
    warnOnManualTransactions,
    createClient: (context) => clientOf(context.database, schema),
    onMigrate: async (client) => {
      if (migrations !== undefined) await migrate(client, migrations);
      await onMigrate?.(client);
    },
  };
}

/** For `drizzle.config.ts`: sets the dialect to SQLite. */
export function defineConfig<Config extends object>(config: Config): Config & { readonly dialect: "sqlite" } {
  return { dialect: "sqlite", ...config };
}

function clientOf<Schema extends DrizzleSchema>(
  access: RawAccess,
  schema: Schema | undefined,
): DrizzleDatabase<Schema> {
  const query = async (sql: string, parameters: readonly unknown[], method: string) => {
    // Drizzle has converted the values to SQLite types; other values throw when they are bound.
    const rows = await access.values(sql, parameters as readonly SqlValue[]);
    return { rows: method === "get" ? (rows[0] as unknown[]) : rows };
  };
  const own = {
    execute: access.execute,
    sql: access.sql,
    close: access.close,
    transaction: <T>(
      callback: (tx: DrizzleDatabase<Schema>) => Promise<T> | T,
      options?: TransactionOptions,
    ): Promise<T> => access.transaction((tx) => callback(clientOf(tx, schema)), options),
  };
  const builder = drizzle(query, schema === undefined ? {} : { schema });
  // The builder's type follows from the schema, which the two branches above hide from TypeScript.
  return Object.assign(builder, own) as unknown as DrizzleDatabase<Schema>;
}

/** Runs journal entries that the database does not contain yet; the table is Drizzle's own. */
async function migrate<Schema extends DrizzleSchema>(
  client: DrizzleDatabase<Schema>,
  { journal, migrations }: DrizzleMigrations,
): Promise<void> {
  await client.execute(
    "CREATE TABLE IF NOT EXISTS __drizzle_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL, created_at NUMERIC)",
  );
  const [last] = await client.execute<{ created_at: number }>(
    "SELECT created_at FROM __drizzle_migrations ORDER BY created_at DESC LIMIT 1",
  );
  const after = last === undefined ? Number.NEGATIVE_INFINITY : Number(last.created_at);
  for (const entry of entriesOf(journal)) {
    if (entry.when <= after) continue;
    const name = `m${String(entry.idx).padStart(4, "0")}`;
    const sql = migrations[name] ?? migrations[entry.tag];
    if (sql === undefined) throw missing(name, entry.tag);
    for (const statement of sql.split("--> statement-breakpoint")) await client.execute(statement);
    await client.execute(
      "INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)",
      entry.tag,
      entry.when,
    );
  }
}

/** Sorted entries. A new journal may have no `entries`. */
function entriesOf(journal: unknown): JournalEntry[] {
  if (typeof journal === "object" && journal !== null && "entries" in journal) {
    const { entries } = journal;
    if (Array.isArray(entries) && entries.every(isEntry)) return [...entries].sort((a, b) => a.idx - b.idx);
  }
  const message =
    'The "journal" of the migrations is not in the format of drizzle-kit: { entries: [{ idx, when, tag }] }';
  throw new HoldfastError("db", "invalid_migrations", message, { statusCode: 500 });
}

function isEntry(value: unknown): value is JournalEntry {
  return (
    typeof value === "object" &&
    value !== null &&
    "idx" in value &&
    typeof value.idx === "number" &&
    "when" in value &&
    typeof value.when === "number" &&
    "tag" in value &&
    typeof value.tag === "string"
  );
}

function missing(name: string, tag: string): HoldfastError {
  const message = `The journal lists "${tag}", but there is no migration "${name}"`;
  return new HoldfastError("db", "invalid_migrations", message, { statusCode: 500 });
}
