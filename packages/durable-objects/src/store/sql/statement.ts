import type { ActorStatement, SqlParameters, SqlRow } from "@holdfast/actors";
import type { SqlCursor, SqlStorage } from "../../platform.ts";
import { bind, sqlError } from "./bindings.ts";
import { kindOf } from "./classify.ts";
import { firstStatement, type ParsedStatement } from "./tokens.ts";

/** Result codes by the names in the messages of the platform: https://sqlite.org/rescode.html */
const codes: Readonly<Record<string, number>> = {
  SQLITE_ERROR: 1,
  SQLITE_BUSY: 5,
  SQLITE_NOMEM: 7,
  SQLITE_READONLY: 8,
  SQLITE_INTERRUPT: 9,
  SQLITE_IOERR: 10,
  SQLITE_CORRUPT: 11,
  SQLITE_FULL: 13,
  SQLITE_TOOBIG: 18,
  SQLITE_CONSTRAINT: 19,
  SQLITE_MISMATCH: 20,
  SQLITE_AUTH: 23,
  SQLITE_RANGE: 25,
};

/** One statement on the SQL of an object, run with `run`. */
export function prepareStatement(
  sql: SqlStorage,
  text: string,
  beforeRun: (isWrite: boolean) => void,
): ActorStatement | undefined {
  const parsed = firstStatement(text);
  return parsed && new ObjectStatement(sql, parsed, beforeRun);
}

class ObjectStatement implements ActorStatement {
  readonly kind: "read" | "write";
  readonly rest: string;
  readonly #sql: SqlStorage;
  readonly #parsed: ParsedStatement;
  readonly #beforeRun: (isWrite: boolean) => void;
  #columns: readonly string[] = [];

  constructor(sql: SqlStorage, parsed: ParsedStatement, beforeRun: (isWrite: boolean) => void) {
    this.kind = kindOf(parsed.tokens);
    this.rest = parsed.rest;
    this.#sql = sql;
    this.#parsed = parsed;
    this.#beforeRun = beforeRun;
  }

  /** Known once the statement has run. */
  get columns(): readonly string[] {
    return this.#columns;
  }

  rows(parameters?: SqlParameters): SqlRow[] {
    return this.#run(parameters, (cursor) =>
      cursor.toArray().map((row) => {
        for (const [name, value] of Object.entries(row)) row[name] = asValue(value);
        return row;
      }),
    );
  }

  values(parameters?: SqlParameters): unknown[][] {
    return this.#run(parameters, (cursor) => [...cursor.raw()].map((row) => row.map(asValue)));
  }

  #run<T>(parameters: SqlParameters | undefined, read: (cursor: SqlCursor) => T): T {
    this.#beforeRun(this.kind === "write");
    const { sql, bindings } = bind(this.#parsed, parameters);
    try {
      const cursor = this.#sql.exec(sql, ...bindings);
      const result = read(cursor);
      this.#columns = [...cursor.columnNames];
      return result;
    } catch (error) {
      throw typed(error);
    }
  }
}

function asValue(value: unknown): unknown {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}

/** SQLite's own message and code, as other stores throw them. */
function typed(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const match = /^(.*?)(?: at offset \d+)?: (SQLITE_[A-Z]+)[A-Z_]*(?: .*)?$/s.exec(error.message);
  if (match === null) return error;
  return sqlError(match[1] ?? error.message, codes[match[2] ?? ""] ?? 1);
}
