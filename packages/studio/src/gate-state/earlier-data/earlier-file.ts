import { randomUUID } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";

/** Ending of a file whose data has moved. */
const movedEnding = ".moved-to-cluster";

/** A plugin's database from before the node was in a cluster. No process of the plugin uses it any more. */
export class EarlierFile {
  readonly #path: string;
  readonly #db: DatabaseSync;
  /** Identifies this file, also after this process ends: it is stored in it. */
  readonly source: string;

  /** Throws if it is no database, or one of a later version. */
  constructor(path: string) {
    this.#path = path;
    // The plugin's process of before may still be closing it.
    this.#db = new DatabaseSync(path, { timeout: 5_000 });
    try {
      this.#db.exec("PRAGMA synchronous = FULL;");
      const version = Number(this.#db.prepare("PRAGMA user_version").get()?.["user_version"]);
      if (version !== 1) throw new Error(`The file has version ${version}, and this program knows version 1`);
      this.source = this.#markSource();
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  rows(sql: string, ...values: readonly (string | number)[]): Record<string, SQLOutputValue>[] {
    return this.#db.prepare(sql).all(...values);
  }

  close(): void {
    this.#db.close();
  }

  /** Closes it and keeps it under another name, which is returned. */
  keepAsMoved(): string {
    this.close();
    let name = `${this.#path}${movedEnding}`;
    for (let count = 2; existsSync(name); count++) name = `${this.#path}${movedEnding}-${count}`;
    renameSync(this.#path, name);
    return name;
  }

  #markSource(): string {
    this.#db.exec("CREATE TABLE IF NOT EXISTS moving_to_cluster (source TEXT NOT NULL) STRICT");
    this.#db
      .prepare("INSERT INTO moving_to_cluster SELECT ? WHERE NOT EXISTS (SELECT 1 FROM moving_to_cluster)")
      .run(randomUUID());
    return String(this.#db.prepare("SELECT source FROM moving_to_cluster").get()?.["source"]);
  }
}
