import { constants, type DatabaseSync } from "node:sqlite";
import type { StatementKind } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { FunctionUse } from "./last-write.ts";

/** Prefix of the store's own tables and savepoints. */
export const reservedPrefix = "_holdfast_";

/** Pragmas that would break the store's durability or reads, or that affect the whole process. */
const deniedPragmas = new Set([
  "journal_mode",
  "journal_size_limit",
  "locking_mode",
  "synchronous",
  "fullfsync",
  "checkpoint_fullfsync",
  "wal_autocheckpoint",
  "wal_checkpoint",
  "writable_schema",
  "schema_version",
  "max_page_count",
  "mmap_size",
  "query_only",
  "read_uncommitted",
  "trusted_schema",
  "cell_size_check",
  "secure_delete",
  "data_store_directory",
  "temp_store_directory",
  "soft_heap_limit",
  "hard_heap_limit",
  "full_column_names",
  "short_column_names",
]);

/** Pragmas whose value has no effect inside a transaction. */
const standalonePragmas = new Set(["foreign_keys", "auto_vacuum", "incremental_vacuum", "page_size"]);

/** Pragmas with an argument that change nothing. */
const readOnlyPragmas = new Set([
  "table_info",
  "table_xinfo",
  "table_list",
  "index_list",
  "index_info",
  "index_xinfo",
  "foreign_key_list",
  "foreign_key_check",
  "integrity_check",
  "quick_check",
]);

const writeActions = new Set<number>([
  constants.SQLITE_CREATE_INDEX,
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_CREATE_TEMP_INDEX,
  constants.SQLITE_CREATE_TEMP_TABLE,
  constants.SQLITE_CREATE_TEMP_TRIGGER,
  constants.SQLITE_CREATE_TEMP_VIEW,
  constants.SQLITE_CREATE_TRIGGER,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_DELETE,
  constants.SQLITE_DROP_INDEX,
  constants.SQLITE_DROP_TABLE,
  constants.SQLITE_DROP_TEMP_INDEX,
  constants.SQLITE_DROP_TEMP_TABLE,
  constants.SQLITE_DROP_TEMP_TRIGGER,
  constants.SQLITE_DROP_TEMP_VIEW,
  constants.SQLITE_DROP_TRIGGER,
  constants.SQLITE_DROP_VIEW,
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_ALTER_TABLE,
  constants.SQLITE_REINDEX,
  constants.SQLITE_ANALYZE,
  constants.SQLITE_CREATE_VTABLE,
  constants.SQLITE_DROP_VTABLE,
]);

/**
 * Observes what SQLite compiles: classifies statements, and refuses access to the store's own tables. Active only
 * while user SQL is compiled or run.
 */
export class Authorizer {
  #watching = false;
  /** `VACUUM` attaches a nameless database of its own. */
  #vacuums = false;
  #kind: StatementKind = "read";
  readonly #functions = new Set<string | null>();
  #refusal: HoldfastError | undefined;

  constructor(database: DatabaseSync) {
    database.setAuthorizer((action, first, second, schema) => {
      if (!this.#watching || (this.#vacuums && schema?.startsWith("vacuum_"))) return constants.SQLITE_OK;
      this.#refusal ??= this.#authorize(action, first, second);
      return this.#refusal === undefined ? constants.SQLITE_OK : constants.SQLITE_DENY;
    });
  }

  /** Runs `work` with the checks; throws the reason of a refusal instead of SQLite's "not authorized". */
  watch<T>(work: () => T, vacuums = false): T {
    this.#watching = true;
    this.#vacuums = vacuums;
    this.#kind = "read";
    this.#functions.clear();
    this.#refusal = undefined;
    try {
      return work();
    } catch (error) {
      throw this.#refusal ?? error;
    } finally {
      this.#watching = false;
    }
  }

  /** Kind of the statement compiled last. SQLite reports a `VACUUM` only when it runs. */
  get kind(): StatementKind {
    return this.#kind;
  }

  /** Functions of the statement compiled last that depend on the statement before it. */
  get functionUse(): FunctionUse {
    return {
      rowid: this.#functions.has("last_insert_rowid"),
      changes: this.#functions.has("changes"),
    };
  }

  #authorize(action: number, first: string | null, second: string | null): HoldfastError | undefined {
    if (writeActions.has(action)) {
      this.#kind = "write";
      // `ANALYZE` may read the store's tables.
      if (action === constants.SQLITE_ANALYZE) return undefined;
      // `ALTER TABLE` names the schema first.
      const named = action === constants.SQLITE_ALTER_TABLE ? [second] : [first, second];
      return named.some(isReserved) ? reservedName() : undefined;
    }
    switch (action) {
      case constants.SQLITE_PRAGMA:
        return this.#authorizePragma(first?.toLowerCase() ?? "", second);
      case constants.SQLITE_TRANSACTION:
        this.#kind = first === "BEGIN" ? "begin" : first === "COMMIT" ? "commit" : "rollback";
        return undefined;
      case constants.SQLITE_SAVEPOINT:
        this.#kind = "write";
        return isReserved(second) ? reservedName() : undefined;
      case constants.SQLITE_ATTACH:
        return this.#vacuums && first === "" ? undefined : notAllowed("ATTACH or VACUUM INTO");
      case constants.SQLITE_DETACH:
        return notAllowed("DETACH");
      case constants.SQLITE_FUNCTION:
        this.#functions.add(second);
        return second === "load_extension" ? notAllowed("load_extension") : undefined;
      default:
        return undefined;
    }
  }

  #authorizePragma(name: string, value: string | null): HoldfastError | undefined {
    if (deniedPragmas.has(name) && (value !== null || name === "wal_checkpoint")) {
      return notAllowed(`PRAGMA ${name}`);
    }
    if (standalonePragmas.has(name) && (value !== null || name === "incremental_vacuum"))
      this.#kind = "alone";
    else if (name === "optimize" || (value !== null && !readOnlyPragmas.has(name))) this.#kind = "write";
    return undefined;
  }
}

function isReserved(name: string | null): boolean {
  return name?.toLowerCase().startsWith(reservedPrefix) ?? false;
}

export function reservedName(): HoldfastError {
  return new HoldfastError(
    "db",
    "reserved",
    `Names that begin with ${reservedPrefix} are reserved for the runtime`,
  );
}

function notAllowed(what: string): HoldfastError {
  return new HoldfastError("db", "not_allowed", `${what} is not possible in the database of an actor`);
}
