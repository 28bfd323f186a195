import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ActorStatement, SqlInput, SqlParameters, SqlRow, StatementKind } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { mapSqliteError } from "../errors.ts";
import { sqliteCode } from "../sqlite-code.ts";
import { Authorizer, reservedName, reservedPrefix } from "./authorizer.ts";
import type { FunctionUse, LastWrite } from "./last-write.ts";

/** Number of compiled statements that one open database keeps. */
const maxStatements = 128;

/** Blanks, semicolons and comments before a statement. */
const leadingBlank = /^(?:[\s;]+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))+/;

const vacuum = /^vacuum\b/i;

/** Statements that set `changes()` if they write. */
const changeStatement = /^(?:insert|replace|update|delete|with)\b/i;

interface Compiled {
  readonly statement: StatementSync;
  readonly kind: StatementKind;
  readonly functionUse: FunctionUse;
  readonly setsChanges: boolean;
  readonly rest: string;
  /**
   * True if integers are read as bigints. A read that finds an integer beyond 2^53 runs again with bigints; a statement
   * that writes must run only once, so it always uses them.
   */
  bigints: boolean;
  arrays: boolean;
}

/**
 * A class, because its columns are looked up on demand: a getter in an object literal would be a closure, and give
 * each statement a hidden class that lives until a full collection.
 */
class Prepared implements ActorStatement {
  readonly kind: StatementKind;
  readonly rest: string;
  readonly #statement: StatementSync;
  readonly #run: (arrays: boolean, parameters: SqlParameters | undefined) => SqlRow[];

  constructor(
    { kind, rest, statement }: Compiled,
    run: (arrays: boolean, parameters: SqlParameters | undefined) => SqlRow[],
  ) {
    this.kind = kind;
    this.rest = rest;
    this.#statement = statement;
    this.#run = run;
  }

  get columns(): readonly string[] {
    return this.#statement.columns().map(({ name }) => name);
  }

  rows(parameters?: SqlParameters): SqlRow[] {
    return this.#run(false, parameters).map((row) => ({ ...row }));
  }

  values(parameters?: SqlParameters): unknown[][] {
    // With `setReturnArrays` rows are arrays, which Node's types do not declare.
    return this.#run(true, parameters) as unknown as unknown[][];
  }
}

/**
 * User SQL on one connection. A statement that writes opens a transaction first, which the owner of the session ends.
 */
export class SqlSession {
  readonly #database: DatabaseSync;
  readonly #authorizer: Authorizer;
  readonly #lastWrite: LastWrite | undefined;
  readonly #cache = new Map<string, Compiled>();
  /** The error that voided the open transaction, which can no longer be committed. */
  #voidedBy: HoldfastError | undefined;
  #open = false;
  /** True if the open transaction has written anything. */
  #wrote = false;
  #savepoints = 0;

  readonly #begin: StatementSync;
  readonly #commit: StatementSync;

  /** `last` is needed if the store writes on the same connection. */
  constructor(database: DatabaseSync, last?: LastWrite) {
    this.#database = database;
    this.#lastWrite = last;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#authorizer = new Authorizer(database);
  }

  get inTransaction(): boolean {
    return this.#open;
  }

  prepare(sql: string): ActorStatement | undefined {
    const compiled = this.#compile(sql);
    if (compiled === undefined) return undefined;
    return new Prepared(compiled, (arrays, parameters) => this.#run(compiled, arrays, parameters));
  }

  begin(): void {
    if (this.#open) return;
    this.#begin.run();
    this.#open = true;
    this.#wrote = false;
    this.#savepoints = 0;
  }

  /**
   * Throws the error that voided the open transaction, if there is one; the transaction has been rolled back by then.
   */
  assertIntact(): void {
    if (this.#voidedBy === undefined) return;
    const error = this.#voidedBy;
    this.rollbackAll();
    throw error;
  }

  commit(): void {
    this.assertIntact();
    if (!this.#open) return;
    this.#commit.run();
    this.#open = false;
  }

  rollbackAll(): void {
    this.#voidedBy = undefined;
    this.#open = false;
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  savepoint(name: string): void {
    this.begin();
    this.#runInternal(() => this.#database.exec(`SAVEPOINT _holdfast_${name}`));
    this.#savepoints += 1;
  }

  release(name: string): void {
    this.#runInternal(() => this.#database.exec(`RELEASE _holdfast_${name}`));
    this.#onSavepointEnd();
  }

  rollback(name: string): void {
    this.#runInternal(() => {
      this.#database.exec(`ROLLBACK TO _holdfast_${name}`);
      this.#database.exec(`RELEASE _holdfast_${name}`);
    });
    this.#onSavepointEnd();
  }

  /** A transaction that was opened only for savepoints leaves nothing to commit. */
  #onSavepointEnd(): void {
    this.#savepoints -= 1;
    if (this.#savepoints <= 0 && !this.#wrote) this.rollbackAll();
  }

  #runInternal(work: () => void): void {
    if (this.#voidedBy !== undefined) throw this.#voidedBy;
    try {
      work();
    } catch (error) {
      throw this.#onError(error);
    }
  }

  #compile(sql: string): Compiled | undefined {
    const cached = this.#cache.get(sql);
    if (cached !== undefined) {
      this.#cache.delete(sql);
      this.#cache.set(sql, cached);
      return cached;
    }
    const text = sql.replace(leadingBlank, "");
    if (text === "") return undefined;
    let statement: StatementSync;
    // SQLite does not report the new name.
    if (/^alter\b/i.test(text) && text.toLowerCase().includes(reservedPrefix)) throw reservedName();
    try {
      statement = this.#authorizer.watch(() => this.#database.prepare(text));
    } catch (error) {
      throw mapSqliteError(error);
    }
    const kind = vacuum.test(text) ? "alone" : this.#authorizer.kind;
    const { functionUse } = this.#authorizer;
    const setsChanges = kind === "write" && changeStatement.test(text);
    const rest = text.slice(statement.sourceSQL.length).replace(leadingBlank, "");
    const bigints = kind !== "read" && statement.columns().length > 0;
    statement.setReadBigInts(bigints);
    // `:a` and `@a` are two parameters.
    statement.setAllowBareNamedParameters(false);
    const compiled: Compiled = { statement, kind, functionUse, setsChanges, rest, bigints, arrays: false };
    this.#cache.set(sql, compiled);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= maxStatements) break;
      this.#cache.delete(oldest);
    }
    return compiled;
  }

  #run(compiled: Compiled, arrays: boolean, parameters: SqlParameters = []): SqlRow[] {
    if (this.#voidedBy !== undefined) throw this.#voidedBy;
    if (compiled.kind === "write") {
      this.begin();
      this.#wrote = true;
    } else if (compiled.kind !== "read" && compiled.kind !== "alone") {
      throw new Error(`The store does not run a "${compiled.kind}"`);
    }
    this.#lastWrite?.restore(compiled.kind === "write", compiled.functionUse);
    if (compiled.setsChanges) this.#lastWrite?.changesReplaced();
    if (compiled.arrays !== arrays) {
      compiled.statement.setReturnArrays(arrays);
      compiled.arrays = arrays;
    }
    try {
      return this.#rows(compiled, parameters);
    } catch (error) {
      throw this.#onError(error);
    }
  }

  #rows(compiled: Compiled, parameters: SqlParameters): SqlRow[] {
    const { statement } = compiled;
    const all = (prepared: StatementSync): SqlRow[] =>
      isNamed(parameters) ? prepared.all({ ...parameters }) : prepared.all(...parameters);
    // These pragmas take effect when they are compiled, and only outside of a transaction.
    const alone = () => {
      const sql = statement.sourceSQL;
      return this.#authorizer.watch(() => all(this.#database.prepare(sql)), vacuum.test(sql));
    };
    const run = () => {
      if (compiled.kind === "alone") return alone();
      // SQLite recompiles it if the schema has changed since, with the current triggers.
      return compiled.kind === "write" ? this.#authorizer.watch(() => all(statement)) : all(statement);
    };
    if (!compiled.bigints) {
      try {
        return run();
      } catch (error) {
        if (!isOutOfRange(error)) throw error;
        compiled.bigints = true;
        statement.setReadBigInts(true);
      }
    }
    const rows = run();
    for (const row of rows) toNumbers(row);
    return rows;
  }

  /** An error after which SQLite has rolled back the complete transaction voids the turn. */
  #onError(error: unknown): unknown {
    const mapped = mapSqliteError(error);
    if (!this.#open || this.#database.isTransaction) return mapped;
    this.#voidedBy =
      mapped instanceof HoldfastError
        ? mapped
        : new HoldfastError("db", "transaction_lost", "SQLite has rolled back the complete turn", {
            cause: error,
          });
    return mapped;
  }
}

function isOutOfRange(error: unknown): boolean {
  return sqliteCode(error) === 0 && (error as { code?: unknown }).code === "ERR_OUT_OF_RANGE";
}

function isNamed(parameters: SqlParameters): parameters is Readonly<Record<string, SqlInput>> {
  return !Array.isArray(parameters);
}

/** Converts the bigints of a row, or of an array of values, to numbers where that is exact. */
function toNumbers(row: SqlRow): void {
  for (const [column, value] of Object.entries(row)) {
    if (typeof value !== "bigint") continue;
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) row[column] = Number(value);
  }
}
