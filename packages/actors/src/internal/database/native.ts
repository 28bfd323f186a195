import type { RawAccess } from "../../database/database.ts";
import type {
  SqliteBatchStatement,
  SqliteBindings,
  SqliteDatabase,
  SqliteExecuteResult,
  SqliteQueryResult,
  SqliteTransactionDatabase,
} from "../../database/native-database.ts";
import { Access, isList } from "./access.ts";
import { invalidArguments } from "./errors.ts";

/** The result of `nativeDatabaseProvider`: the database of the actor with a driver-like interface. */
export class NativeDatabase implements SqliteDatabase {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  async exec(sql: string, callback?: (row: unknown[], columns: readonly string[]) => void): Promise<void> {
    for (const { columns, rows } of await this.#access.all(sql, [])) {
      for (const row of rows) callback?.(row, columns);
    }
  }

  async execute(sql: string, params: SqliteBindings = []): Promise<SqliteExecuteResult> {
    const [result] = await this.#access.all(
      sql,
      isList(params) ? params.map((value) => value ?? null) : params,
    );
    return result ?? { columns: [], rows: [], changes: 0, lastInsertRowId: null };
  }

  executeBatch(statements: readonly SqliteBatchStatement[]): Promise<SqliteExecuteResult[]> {
    return this.#access.transaction(async (tx) => {
      const inside = nativeOf(tx);
      const results: SqliteExecuteResult[] = [];
      for (const { sql, params } of statements) results.push(await inside.execute(sql, params));
      return results;
    });
  }

  async beginTransaction(timeoutMs?: number, name?: string): Promise<SqliteTransactionDatabase> {
    const opened = Promise.withResolvers<NativeDatabase>();
    const ended = Promise.withResolvers<void>();
    const undone = new Error("Rolled back");
    const done = this.#access.transaction(
      (tx) => {
        opened.resolve(nativeOf(tx));
        return ended.promise;
      },
      { ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }), ...(name === undefined ? {} : { name }) },
    );
    // A timeout is reported by the next call as well.
    done.catch(opened.reject);
    const inside = await opened.promise;
    return {
      exec: (sql, callback) => inside.exec(sql, callback),
      execute: (sql, params) => inside.execute(sql, params),
      commit: () => {
        ended.resolve();
        return done;
      },
      rollback: async () => {
        ended.reject(undone);
        await done.catch((error: unknown) => {
          if (error !== undone) throw error;
        });
      },
    };
  }

  async run(sql: string, params?: SqliteBindings): Promise<void> {
    await this.execute(sql, params);
  }

  async query(sql: string, params?: SqliteBindings): Promise<SqliteQueryResult> {
    const { columns, rows } = await this.execute(sql, params);
    return { columns, rows };
  }

  close(): Promise<void> {
    return this.#access.close();
  }
}

function nativeOf(tx: RawAccess): NativeDatabase {
  if (tx instanceof Access) return new NativeDatabase(tx);
  throw invalidArguments("The transaction was not created by this runtime");
}
