import type {
  ActorStatement,
  RawAccess,
  SqlArguments,
  SqlParameters,
  SqlRow,
  TransactionOptions,
} from "../../database/database.ts";
import type { SqliteBindings, SqliteExecuteResult } from "../../database/native-database.ts";
import type { SqlValue } from "../../database/sql-value.ts";
import { copyParameterBytes, toSqlParameters } from "./arguments.ts";
import { invalidArguments, notReadOnly } from "./errors.ts";

/** Executes SQL: in the turn, or within one transaction. */
export interface Executor {
  prepare(sql: string): ActorStatement | undefined;
  assertOpen(): void;
  noteWrite(): void;
  runInOrder<T>(work: () => Promise<T> | T): Promise<T>;
  leaveTransaction(): Promise<void>;
  begin(): void;
  end(keep: boolean): void;
  transaction<T>(callback: (tx: RawAccess) => Promise<T> | T, options?: TransactionOptions): Promise<T>;
  close(): void;
}

/** `c.db`, and the `tx` of a transaction. */
export class Access implements RawAccess {
  readonly #executor: Executor;

  constructor(executor: Executor) {
    this.#executor = executor;
    // Methods are bound: programs detach them, and spread `c.db` into other objects.
    this.execute = this.execute.bind(this);
    this.sql = this.sql.bind(this);
    this.query = this.query.bind(this);
    this.get = this.get.bind(this);
    this.values = this.values.bind(this);
    this.transaction = this.transaction.bind(this);
    this.close = this.close.bind(this);
  }

  async execute<T = SqlRow>(sql: string, ...args: readonly unknown[]): Promise<T[]> {
    const text = assertSql(sql);
    const parameters = toSqlParameters(args, text);
    this.#executor.assertOpen();
    const rows = await this.#runInOrder(parameters, (given) => this.#runAll(text, given, args.length > 0));
    // The caller declares the row type.
    return rows as T[];
  }

  sql<T = SqlRow>(strings: TemplateStringsArray, ...values: readonly SqlValue[]): Promise<T[]> {
    return this.execute<T>(strings.join("?"), ...values);
  }

  query<T = SqlRow>(sql: string, ...args: SqlArguments): T[] {
    const text = assertSql(sql);
    const statement = this.#executor.prepare(text);
    if (statement === undefined || statement.kind !== "read" || statement.rest !== "") throw notReadOnly();
    return statement.rows(toSqlParameters(args, text)) as T[];
  }

  get<T = SqlRow>(sql: string, ...args: SqlArguments): T | undefined {
    return this.query<T>(sql, ...args)[0];
  }

  async values(sql: string, parameters: readonly SqlValue[]): Promise<unknown[][]> {
    const text = assertSql(sql);
    const inputs = toSqlParameters(parameters, text);
    this.#executor.assertOpen();
    return this.#runInOrder(inputs, (given) => this.#runValues(text, given));
  }

  /** The results of all statements in `sql`; bound values are allowed for a single statement only. */
  async all(sql: string, bindings: SqliteBindings): Promise<SqliteExecuteResult[]> {
    const text = assertSql(sql);
    const args = isList(bindings) ? bindings : ([bindings] as const);
    const parameters = toSqlParameters(args, text);
    this.#executor.assertOpen();
    return this.#runInOrder(parameters, (given) => this.#runResults(text, given, args.length > 0));
  }

  transaction<T>(callback: (tx: RawAccess) => Promise<T> | T, options?: TransactionOptions): Promise<T> {
    return this.#executor.transaction(callback, options);
  }

  async close(): Promise<void> {
    this.#executor.close();
  }

  /**
   * Copies the bytes among the parameters, since the caller may reuse them while the statement waits, then runs
   * `work`.
   */
  #runInOrder<T>(parameters: SqlParameters, work: (given: SqlParameters) => Promise<T> | T): Promise<T> {
    let given = parameters;
    let hasBegun = false;
    const result = this.#executor.runInOrder(() => {
      hasBegun = true;
      return work(given);
    });
    if (!hasBegun) given = copyParameterBytes(parameters);
    return result;
  }

  async #runAll(sql: string, parameters: SqlParameters, bound: boolean): Promise<SqlRow[]> {
    let rows: SqlRow[] = [];
    let rest = sql;
    while (rest !== "") {
      const statement = this.#executor.prepare(rest);
      if (statement === undefined) break;
      if (bound && statement.rest !== "") throw severalStatements();
      const given =
        statement.kind === "read" || statement.kind === "write"
          ? this.#run(statement, () => statement.rows(parameters))
          : await this.#runControl(statement, parameters);
      // The rows of the last statement that can return any.
      if (given.length > 0 || statement.columns.length > 0) rows = given;
      rest = statement.rest;
    }
    return rows;
  }

  async #runValues(sql: string, parameters: SqlParameters): Promise<unknown[][]> {
    const statement = this.#executor.prepare(sql);
    if (statement === undefined) return [];
    if (statement.rest !== "") throw severalStatements();
    if (statement.kind === "read" || statement.kind === "write") {
      return this.#run(statement, () => statement.values(parameters));
    }
    await this.#runControl(statement, parameters);
    return [];
  }

  async #runResults(sql: string, parameters: SqlParameters, bound: boolean): Promise<SqliteExecuteResult[]> {
    const results: SqliteExecuteResult[] = [];
    let rest = sql;
    while (rest !== "") {
      const statement = this.#executor.prepare(rest);
      if (statement === undefined) break;
      if (bound && statement.rest !== "") throw severalStatements();
      let rows: unknown[][] = [];
      if (statement.kind === "read" || statement.kind === "write") {
        rows = this.#run(statement, () => statement.values(parameters));
      } else await this.#runControl(statement, parameters);
      rest = statement.rest;
      const { columns } = statement;
      results.push({ columns, rows, ...this.#changeCounts() });
    }
    return results;
  }

  #changeCounts(): Pick<SqliteExecuteResult, "changes" | "lastInsertRowId"> {
    const [row] = this.#executor.prepare("SELECT changes(), last_insert_rowid()")?.values() ?? [];
    return { changes: Number(row?.[0] ?? 0), lastInsertRowId: Number(row?.[1] ?? 0) };
  }

  #run<R>(statement: ActorStatement, run: () => R): R {
    if (statement.kind === "write") this.#executor.noteWrite();
    return run();
  }

  async #runControl(statement: ActorStatement, parameters: SqlParameters): Promise<SqlRow[]> {
    switch (statement.kind) {
      case "begin":
        this.#executor.begin();
        return [];
      case "commit":
        this.#executor.end(true);
        return [];
      case "rollback":
        this.#executor.end(false);
        return [];
      default:
        await this.#executor.leaveTransaction();
        this.#executor.noteWrite();
        return statement.rows(parameters);
    }
  }
}

function assertSql(sql: unknown): string {
  if (typeof sql === "string") return sql;
  throw invalidArguments("SQL must be a string");
}

function severalStatements(): Error {
  return invalidArguments("Several statements take no arguments: run them one at a time");
}

export function isList(bindings: SqliteBindings): bindings is readonly SqlValue[] {
  return Array.isArray(bindings);
}
