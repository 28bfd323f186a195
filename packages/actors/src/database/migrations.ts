import { HoldfastError } from "@holdfast/core";
import type { RawAccess } from "./database.ts";

/** Default of `tableName`. */
export const DEFAULT_MIGRATION_TABLE_NAME = "schema_migrations";

/** The database methods that migrations use; `c.db` has them, also with Drizzle. */
export type MigrationDatabase = Pick<RawAccess, "execute">;

/** One step of a schema. Never edit a published step: its checksum is stored. */
export interface Migration {
  /** 1, 2, 3, ... without gaps. */
  readonly version: number;
  /** Statements to run. */
  readonly sql?: string;
  /** Code to run; `db` is within the transaction. */
  readonly up?: (db: MigrationDatabase) => Promise<void> | void;
}

/** For a database that was created before its migrations were recorded: migrations up to `version` count as applied. */
export interface AdoptOptions {
  readonly version: number;
  /** Adopts only if this table exists. */
  readonly ifTableExists?: string;
}

/** Options of `migrations()`. */
export interface MigrationsOptions {
  /** Table that records the applied migrations: `schema_migrations` by default. */
  readonly tableName?: string;
  /** The version of a database without that table: a number, or a function that determines it; 0 means new. */
  readonly adopt?: AdoptOptions | number | ((db: MigrationDatabase) => Promise<number> | number);
  readonly migrations: readonly Migration[];
}

/** @deprecated Use `MigrationsOptions`. */
export type MigrationsConfig = MigrationsOptions;

interface Applied {
  readonly version: number;
  readonly checksum: string;
}

/**
 * Creates an `onMigrate` that runs each migration once, in order, all of them or none. Throws `db.invalid_migrations`
 * immediately for a list that is empty or has gaps. When it runs, throws `db.migration_changed` for an applied
 * migration whose SQL has changed, `db.migration_missing` for a database of a newer program, and
 * `db.invalid_migrations` if `adopt` finds no version.
 */
export function migrations(config: MigrationsOptions): (db: MigrationDatabase) => Promise<void> {
  const table = checkConfig(config);
  return (db) => {
    const run = (tx: MigrationDatabase): Promise<void> => migrate(tx, table, config);
    // `onMigrate` already runs in a transaction; elsewhere, this transaction makes the migrations atomic.
    return hasTransactions(db) ? db.transaction(run) : run(db);
  };
}

async function migrate(tx: MigrationDatabase, table: string, config: MigrationsOptions): Promise<void> {
  await tx.execute(
    `CREATE TABLE IF NOT EXISTS "${table}" (version INTEGER PRIMARY KEY, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000))`,
  );
  let applied = await tx.execute<Applied>(`SELECT version, checksum FROM "${table}" ORDER BY version`);
  if (applied.length === 0) applied = await adopt(tx, table, config);
  checkApplied(applied, config.migrations);
  for (const migration of config.migrations.slice(applied.length)) await apply(tx, table, migration);
}

function hasTransactions(db: MigrationDatabase): db is Pick<RawAccess, "execute" | "transaction"> {
  return "transaction" in db && typeof db.transaction === "function";
}

async function adopt(tx: MigrationDatabase, table: string, config: MigrationsOptions): Promise<Applied[]> {
  const version = await versionBefore(tx, table, config);
  if (!Number.isSafeInteger(version) || version < 0) throw invalid(`"adopt" found no version: ${version}`);
  if (version > config.migrations.length) throw unknownVersion(version);
  const adopted = config.migrations.slice(0, version);
  for (const migration of adopted) await note(tx, table, migration);
  return adopted.map((migration) => ({ version: migration.version, checksum: checksumOf(migration) }));
}

/** The version of a database without the table of migrations. */
async function versionBefore(
  tx: MigrationDatabase,
  table: string,
  { adopt }: MigrationsOptions,
): Promise<number> {
  if (adopt === undefined) return 0;
  if (typeof adopt === "function") return adopt(tx);
  const { version, ifTableExists } = typeof adopt === "number" ? { version: adopt } : { ...adopt };
  const found =
    ifTableExists === undefined
      ? await tx.execute(
          "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name <> ? AND name NOT LIKE 'sqlite_%' AND substr(name, 1, 10) <> '_holdfast_' LIMIT 1",
          table,
        )
      : await tx.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", ifTableExists);
  return found.length === 0 ? 0 : version;
}

async function apply(tx: MigrationDatabase, table: string, migration: Migration): Promise<void> {
  if (migration.sql !== undefined) await tx.execute(migration.sql);
  await migration.up?.(tx);
  await note(tx, table, migration);
}

async function note(tx: MigrationDatabase, table: string, migration: Migration): Promise<void> {
  const checksum = checksumOf(migration);
  await tx.execute(`INSERT INTO "${table}" (version, checksum) VALUES (?, ?)`, migration.version, checksum);
}

function checkApplied(applied: readonly Applied[], known: readonly Migration[]): void {
  for (const [index, { version, checksum }] of applied.entries()) {
    const migration = known[index];
    if (migration === undefined || migration.version !== version) {
      throw unknownVersion(version);
    }
    if (checksum !== checksumOf(migration)) {
      throw migrationError(
        "migration_changed",
        `Migration ${version} has been edited since it ran. Restore it, and add a new migration instead`,
        version,
      );
    }
  }
}

/** Checksum of the trimmed SQL. Code is not compared, because tools rewrite it. */
function checksumOf({ sql }: Migration): string {
  if (sql === undefined) return "up";
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(sql.trim())) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return `fnv1a:${hash.toString(16).padStart(16, "0")}`;
}

function checkConfig({ tableName = "schema_migrations", migrations: list, adopt }: MigrationsConfig): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(tableName) || tableName.toLowerCase().startsWith("_holdfast_")) {
    throw invalid(`"${tableName}" is not a valid name for the table of migrations`);
  }
  if (list.length === 0) throw invalid("the list of migrations is empty");
  for (const [index, migration] of list.entries()) {
    if (migration.version !== index + 1) {
      throw invalid(`migrations are numbered 1, 2, 3, ...: ${migration.version} is at position ${index + 1}`);
    }
    if ((migration.sql === undefined) === (migration.up === undefined)) {
      throw invalid(`migration ${migration.version} needs either "sql" or "up"`);
    }
    if (migration.sql?.trim() === "") throw invalid(`the SQL of migration ${migration.version} is empty`);
  }
  if (typeof adopt === "function") return tableName;
  const adopted = typeof adopt === "number" ? adopt : (adopt?.version ?? 0);
  if (!Number.isSafeInteger(adopted) || adopted < 0 || adopted > list.length) {
    throw invalid(`the version of "adopt" must be from 0 to ${list.length}`);
  }
  return tableName;
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("db", "invalid_migrations", message, { statusCode: 500 });
}

function unknownVersion(version: number): HoldfastError {
  return migrationError(
    "migration_missing",
    `The database has migration ${version}, which this program does not contain: a newer program wrote it`,
    version,
  );
}

function migrationError(code: string, message: string, version: number): HoldfastError {
  return new HoldfastError("db", code, message, { metadata: { version }, statusCode: 500 });
}
