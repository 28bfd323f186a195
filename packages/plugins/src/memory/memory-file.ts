import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type MemoryDatabase,
  type MemoryStatements,
  memoryLimits,
  memorySchema,
  pruneStatement,
} from "./memory-store.ts";

const schemaVersion = 1;

/** The memory of one group in a file whose name is a hash. A commit is durable when it returns. */
export class MemoryFile implements MemoryDatabase {
  readonly #db: DatabaseSync;
  /** Settles when the last caller has finished. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #statements: MemoryStatements;

  /** Throws when a later version wrote the database. */
  constructor(directory: string, group: string, now: () => number = Date.now) {
    const name = createHash("sha256").update(group).digest("hex").slice(0, 32);
    // Set first: the previous process may still be closing the database.
    this.#db = new DatabaseSync(join(directory, `${name}.sqlite`), { timeout: 5_000 });
    this.#statements = { execute: async (sql, ...values) => this.#db.prepare(sql).all(...values) };
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#migrate();
    this.#db.prepare(pruneStatement).run(now() - memoryLimits.supersededMs);
  }

  execute(sql: string, ...values: readonly (string | number | null)[]): Promise<Record<string, unknown>[]> {
    return this.#serialize(() => this.#statements.execute(sql, ...values));
  }

  transaction<Result>(run: (tx: MemoryStatements) => Promise<Result>): Promise<Result> {
    return this.#serialize(async () => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const result = await run(this.#statements);
        this.#db.exec("COMMIT");
        return result;
      } catch (error) {
        this.#db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** Closes the file when the last caller has finished. */
  close(): Promise<void> {
    return this.#serialize(async () => this.#db.close());
  }

  #serialize<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }

  #migrate(): void {
    const row = this.#db.prepare("PRAGMA user_version").get();
    const version = Number(row?.["user_version"]);
    if (version > schemaVersion) {
      this.#db.close();
      throw new Error(
        `The memory has version ${version}, but this plugin supports only ${schemaVersion}. Update Holdfast.`,
      );
    }
    if (version > 0) return;
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      this.#db.exec(`${memorySchema} PRAGMA user_version = ${schemaVersion};`);
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}
