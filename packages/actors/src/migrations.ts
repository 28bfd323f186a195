import { HoldfastError } from "@holdfast/core";
import type { RawAccess } from "./database.ts";

/** One step of a schema. A step that was published is never edited: its checksum is kept. */
export interface Migration {
  /** 1, 2, 3, ... without gaps. */
  readonly version: number;
  /** Statements to run. */
  readonly sql?: string;
  /** Anything else that has to be done; `db` is inside the transaction. */
  readonly up?: (db: RawAccess) => Promise<void> | void;
}

/** A database that was made before its migrations were kept: it counts as having those up to `version`. */
export interface AdoptOptions {
  readonly version: number;
  /** Adopts only where this table is there. */
  readonly ifTableExists?: string;
}

export interface MigrationsConfig {
  /** The table that keeps what has run: `schema_migrations` unless given. */
  readonly tableName?: string;
  readonly adopt?: AdoptOptions | number;
  readonly migrations: readonly Migration[];
}

interface Applied {
  readonly version: number;
  readonly checksum: string;
}

/**
 * An `onMigrate` that runs each migration once, in order, all of them or none.
 *
 * Throws `db.invalid_migrations` (now) for a list with gaps, and when it runs: `db.migration_changed` for
 * one that has run and reads otherwise today, `db.migration_missing` for a database that a newer program
 * has written.
 */
export function migrations(config: MigrationsConfig): (db: RawAccess) => Promise<void> {
  const table = checkConfig(config);
  return (db) =>
    db.transaction(async (tx) => {
      await tx.execute(
        `CREATE TABLE IF NOT EXISTS "${table}" (version INTEGER PRIMARY KEY, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000))`,
      );
      let applied = await tx.execute<Applied>(`SELECT version, checksum FROM "${table}" ORDER BY version`);
      if (applied.length === 0) applied = await adopt(tx, table, config);
      checkApplied(applied, config.migrations);
      for (const migration of config.migrations.slice(applied.length)) await apply(tx, table, migration);
    });
}

async function adopt(tx: RawAccess, table: string, config: MigrationsConfig): Promise<Applied[]> {
  const options = typeof config.adopt === "number" ? { version: config.adopt } : config.adopt;
  if (options === undefined) return [];
  const isMade =
    options.ifTableExists === undefined
      ? tx.get(
          "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name <> ? AND name NOT LIKE 'sqlite_%' AND substr(name, 1, 10) <> '_holdfast_'",
          table,
        )
      : tx.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", options.ifTableExists);
  if (isMade === undefined) return [];
  const adopted = config.migrations.slice(0, options.version);
  for (const migration of adopted) await note(tx, table, migration);
  return adopted.map((migration) => ({ version: migration.version, checksum: checksumOf(migration) }));
}

async function apply(tx: RawAccess, table: string, migration: Migration): Promise<void> {
  if (migration.sql !== undefined) await tx.execute(migration.sql);
  await migration.up?.(tx);
  await note(tx, table, migration);
}

async function note(tx: RawAccess, table: string, migration: Migration): Promise<void> {
  const checksum = checksumOf(migration);
  await tx.execute(`INSERT INTO "${table}" (version, checksum) VALUES (?, ?)`, migration.version, checksum);
}

function checkApplied(applied: readonly Applied[], known: readonly Migration[]): void {
  for (const [index, { version, checksum }] of applied.entries()) {
    const migration = known[index];
    if (migration === undefined || migration.version !== version) {
      throw migrationError(
        "migration_missing",
        `The database has migration ${version}, which this program does not know: it was written by a newer one`,
        version,
      );
    }
    if (checksum !== checksumOf(migration)) {
      throw migrationError(
        "migration_changed",
        `Migration ${version} has run and was edited since: leave it as it was and add another`,
        version,
      );
    }
  }
}

/** Of the SQL, without blanks at its ends: code cannot be compared, since tools rewrite it. */
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
    throw invalid(`"${tableName}" is no name for the table of migrations`);
  }
  for (const [index, migration] of list.entries()) {
    if (migration.version !== index + 1) {
      throw invalid(`migrations are numbered 1, 2, 3, ...: ${migration.version} is at place ${index + 1}`);
    }
    if ((migration.sql === undefined) === (migration.up === undefined)) {
      throw invalid(`migration ${migration.version} has either "sql" or "up"`);
    }
  }
  const adopted = typeof adopt === "number" ? adopt : (adopt?.version ?? 0);
  if (!Number.isSafeInteger(adopted) || adopted < 0 || adopted > list.length) {
    throw invalid(`"adopt" names a version from 0 to ${list.length}`);
  }
  return tableName;
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("db", "invalid_migrations", message, { statusCode: 500 });
}

function migrationError(code: string, message: string, version: number): HoldfastError {
  return new HoldfastError("db", code, message, { metadata: { version }, statusCode: 500 });
}
