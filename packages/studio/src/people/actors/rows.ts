import { HoldfastError } from "@holdfast/core";
import { type Condition, known, type Page, pageSql, type Row, type Value, whereSql } from "./where.ts";

/** The part of `c.db` that tables of rows use. */
export interface RowDatabase {
  execute<T>(sql: string, ...args: unknown[]): Promise<T[]>;
}

/** The tables of an actor: their columns by name. */
export type Tables = Readonly<Record<string, readonly string[]>>;

/** Reads and writes rows of an actor's tables. Each call is one statement, so nothing comes between. */
export class Rows {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Throws `people.already_exists` if the row has a unique value of another one. */
  async insert(db: RowDatabase, table: string, row: Row): Promise<void> {
    const columns = this.#columns(table);
    const names = Object.keys(row).map((column) => known(columns, column));
    const marks = names.map(() => "?").join(", ");
    const sql = `INSERT INTO "${table}" (${names.join(", ")}) VALUES (${marks})`;
    await unique(db.execute(sql, ...Object.values(row)));
  }

  async find(
    db: RowDatabase,
    table: string,
    where: readonly Condition[],
    page: Page = {},
  ): Promise<readonly Row[]> {
    const columns = this.#columns(table);
    const [conditions, part] = [whereSql(columns, where), pageSql(columns, page)];
    const sql = `SELECT * FROM "${table}" WHERE ${conditions.text} ${part.text}`;
    return await db.execute<Row>(sql, ...conditions.values, ...part.values);
  }

  /** Returns the changed rows. Throws `people.already_exists`. */
  async update(
    db: RowDatabase,
    table: string,
    where: readonly Condition[],
    changes: Readonly<Record<string, Value>>,
  ): Promise<readonly Row[]> {
    const columns = this.#columns(table);
    if (Object.keys(changes).length === 0) return this.find(db, table, where);
    const conditions = whereSql(columns, where);
    const sets = Object.keys(changes).map((column) => `${known(columns, column)} = ?`);
    const sql = `UPDATE "${table}" SET ${sets.join(", ")} WHERE ${conditions.text} RETURNING *`;
    return await unique(db.execute<Row>(sql, ...Object.values(changes), ...conditions.values));
  }

  /** Deletes the rows, or at most `limit` of them, and returns them: of several callers, one gets each row. */
  async remove(
    db: RowDatabase,
    table: string,
    where: readonly Condition[],
    limit?: number,
  ): Promise<readonly Row[]> {
    const conditions = whereSql(this.#columns(table), where);
    const sql = `DELETE FROM "${table}" WHERE rowid IN (SELECT rowid FROM "${table}" WHERE ${conditions.text} LIMIT ?) RETURNING *`;
    return await db.execute<Row>(sql, ...conditions.values, limit ?? -1);
  }

  #columns(table: string): readonly string[] {
    const columns = Object.hasOwn(this.#tables, table) ? this.#tables[table] : undefined;
    if (columns !== undefined) return columns;
    throw new HoldfastError("people", "invalid_query", `There is no table ${table}`);
  }
}

const constraintUnique = [1_555, 2_067];

async function unique<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    const { errcode } = (error ?? {}) as { readonly errcode?: unknown };
    if (!constraintUnique.includes(Number(errcode))) throw error;
    throw new HoldfastError("people", "already_exists", "There is such a row already", { statusCode: 409 });
  }
}
