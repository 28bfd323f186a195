import { HoldfastError } from "@holdfast/core";
import { drizzle, type SqliteRemoteDatabase } from "drizzle-orm/sqlite-proxy";
import type { DatabaseProvider, RawAccess, SqliteProfilingOptions, TransactionOptions } from "./database.ts";
import type { SqlValue } from "./sql-value.ts";

export * from "drizzle-orm/sqlite-core";

/** What Drizzle takes for a schema: tables and relations by name. */
export type DrizzleSchema = Record<string, unknown>;

/** `c.db` of an actor with Drizzle: its query builder, and the SQL of `db()`. */
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

/** What `drizzle-kit generate` writes with the driver "durable-sqlite": a journal, and SQL by `m0000`. */
export interface DrizzleMigrations {
  /** The content of `meta/_journal.json`; read when the migrations run. */
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
  /** Run at each start before `onMigrate`, each once. */
  readonly migrations?: DrizzleMigrations;
  readonly onMigrate?: (db: DrizzleDatabase<Schema>) => Promise<void> | void;
  readonly warnOnManualTransactions?: boolean;
  /** Accepted, without effect. */
  readonly profiling?: SqliteProfilingOptions;
}

/** @deprecated Use `DrizzleDatabaseFactoryConfig`. */
export type DrizzleConfig<Schema extends DrizzleSchema> = DrizzleDatabaseFactoryConfig<Schema>;

/** The SQLite database of an actor with Drizzle, for the key `db` of its definition. */
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

/** For `drizzle.config.ts`: the dialect is SQLite. */
export function defineConfig<Config extends object>(config: Config): Config & { readonly dialect: "sqlite" } {
  return { dialect: "sqlite", ...config };
}

function clientOf<Schema extends DrizzleSchema>(
  access: RawAccess,
  schema: Schema | undefined,
): DrizzleDatabase<Schema> {
  const query = async (sql: string, parameters: readonly unknown[], method: string) => {
    // Drizzle has made them what SQLite takes, and what it has not is refused there.
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
  // The type of the builder follows from the schema, which the two cases above hide.
  return Object.assign(builder, own) as unknown as DrizzleDatabase<Schema>;
}

/** Runs what the journal lists and the database does not have yet; the table is Drizzle's own. */
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

/** In order. A journal without entries has none yet. */
function entriesOf(journal: unknown): JournalEntry[] {
  if (typeof journal === "object" && journal !== null && "entries" in journal) {
    const { entries } = journal;
    if (Array.isArray(entries) && entries.every(isEntry)) return [...entries].sort((a, b) => a.idx - b.idx);
  }
  const message =
    'The "journal" of the migrations is not what drizzle-kit writes: { entries: [{ idx, when, tag }] }';
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
  const message = `The journal lists "${tag}", and there is no migration "${name}"`;
  return new HoldfastError("db", "invalid_migrations", message, { statusCode: 500 });
}
