import { HoldfastError, messageOf } from "@holdfast/core";
import type { RawAccess, SqlArguments, SqlRow } from "../../database/database.ts";
import type { SqlValue } from "../../database/sql-value.ts";
import type { DatabaseInspection, InspectedTable } from "../../ports/inspection.ts";
import { invalidArguments } from "../database/errors.ts";
import type { InspectionDependencies, Turn } from "./dependencies.ts";

/** The inspector's view of `c.db`, without the tables of the runtime. */
export class DatabaseView implements DatabaseInspection {
  readonly #actor: InspectionDependencies;
  readonly #turn: Turn;

  constructor(actor: InspectionDependencies, turn: Turn) {
    this.#actor = actor;
    this.#turn = turn;
  }

  async schema(): Promise<readonly InspectedTable[]> {
    const db = this.#access();
    return tablesOf(db).map((table) => describeTable(db, table));
  }

  async rows(table: string, limit: number, offset: number): Promise<readonly SqlRow[]> {
    const db = this.#access();
    if (!tablesOf(db).some(({ name }) => name === table)) {
      throw new HoldfastError("db", "table_not_found", `There is no table "${table}"`, { statusCode: 404 });
    }
    return db.query(`SELECT * FROM ${quoted(table)} LIMIT ? OFFSET ?`, limit, offset);
  }

  async execute(
    sql: string,
    args: readonly unknown[] | Readonly<Record<string, unknown>>,
    readOnly = false,
  ): Promise<readonly SqlRow[]> {
    const db = this.#access();
    const parameters = argumentsOf(args);
    if (readOnly) return db.query(sql, ...parameters);
    return this.#turn(() => this.#withoutOpenTransaction(() => db.execute(sql, ...parameters)));
  }

  /** An inspector request must not leave a transaction open: the rest of the actor would wait for its end. */
  async #withoutOpenTransaction<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#actor.parts.database.coordinator?.manual;
    let result: T;
    try {
      result = await run();
    } catch (error) {
      this.#rollBackManual(before);
      throw error;
    }
    if (!this.#rollBackManual(before)) return result;
    throw invalidArguments("A transaction started here ends with the same request: it was rolled back");
  }

  #rollBackManual(before: object | undefined): boolean {
    const { coordinator } = this.#actor.parts.database;
    if (coordinator?.manual === undefined || coordinator.manual === before) return false;
    coordinator.end(false);
    return true;
  }

  #access(): RawAccess {
    const access = this.#actor.existingParts?.existingDatabase?.access;
    if (access !== undefined) return access;
    const message = `The actor "${this.#actor.name}" has no database`;
    throw new HoldfastError("db", "not_enabled", message, { statusCode: 404 });
  }
}

interface Table {
  readonly name: string;
  readonly type: string;
}

/** A view whose tables were dropped is listed with SQLite's error. */
function describeTable(db: RawAccess, { name, type }: Table): InspectedTable {
  const table = { schema: "main", name, type };
  try {
    return {
      table,
      columns: db.query<SqlRow>("SELECT * FROM pragma_table_info(?)", name).map((row) => ({
        cid: Number(row.cid),
        name: String(row.name),
        type: String(row.type),
        notNull: Number(row.notnull) === 1,
        defaultValue: row.dflt_value,
        primaryKey: Number(row.pk),
      })),
      foreignKeys: db.query<SqlRow>("SELECT * FROM pragma_foreign_key_list(?)", name).map((row) => ({
        id: Number(row.id),
        table: String(row.table),
        from: String(row.from),
        to: row.to === null ? null : String(row.to),
      })),
      records: Number(db.get<SqlRow>(`SELECT count(*) AS n FROM ${quoted(name)}`)?.n ?? 0),
    };
  } catch (error) {
    return { table, columns: [], foreignKeys: [], records: 0, error: messageOf(error) };
  }
}

function tablesOf(db: RawAccess): readonly Table[] {
  return db.query(
    `SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')
     AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_holdfast\\_%' ESCAPE '\\' ORDER BY name`,
  );
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Values that SQLite does not accept cause its own error. */
function argumentsOf(args: readonly unknown[] | Readonly<Record<string, unknown>>): SqlArguments {
  if (Array.isArray(args)) return args as readonly SqlValue[];
  const named = args as Readonly<Record<string, SqlValue>>;
  return Object.keys(named).length === 0 ? [] : [named];
}
