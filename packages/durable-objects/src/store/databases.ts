/** The SQL databases of actors: their tables are in the database of their object, beside those of the runtime. */
import type { ActorDatabase, ActorStatement, CommitBatch, DatabaseStore } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { fenced, notFound } from "../errors.ts";
import type { ObjectStorage, SqlStorage } from "../platform.ts";
import { reservedPrefix } from "./schema.ts";
import { prepareStatement } from "./sql/statement.ts";

export class ObjectDatabases implements DatabaseStore {
  readonly #storage: ObjectStorage;
  readonly #undo: () => void;
  /** The database of the current owner of each actor. */
  readonly #open = new Map<string, ObjectDatabase>();

  /** `undo` is called in the macrotask in which SQL has written that no commit will cover. */
  constructor(storage: ObjectStorage, undo: () => void) {
    this.#storage = storage;
    this.#undo = undo;
  }

  async open(actorId: string, epoch: number, isNew: boolean): Promise<ActorDatabase> {
    if (!isNew) this.#assertOwner(actorId, epoch);
    this.acquired(actorId);
    const database = new ObjectDatabase(this.#storage, actorId, isNew, (isUndone) => {
      if (this.#open.get(actorId) === database) this.#open.delete(actorId);
      if (!isUndone) this.#undo();
    });
    this.#open.set(actorId, database);
    return database;
  }

  #assertOwner(actorId: string, epoch: number): void {
    const [row] = this.#storage.sql
      .exec("SELECT epoch FROM _holdfast_actor WHERE id = ? AND destroyed_at IS NULL", actorId)
      .toArray();
    if (row === undefined) throw notFound(actorId);
    if (row["epoch"] !== epoch) throw fenced(actorId);
  }

  /** Called when the actor has a new owner. */
  acquired(actorId: string): void {
    this.#open.get(actorId)?.fence();
    this.#open.delete(actorId);
  }

  /** Called within the transaction of a commit. */
  committed(batch: CommitBatch): void {
    const database = this.#open.get(batch.actorId);
    if (batch.destroyedAt !== undefined) dropTables(this.#storage.sql);
    else if (database?.isMarked === false) {
      this.#storage.sql.exec("UPDATE _holdfast_actor SET has_database = 1 WHERE id = ?", batch.actorId);
    }
    database?.committed();
  }

  close(): void {
    for (const database of [...this.#open.values()]) database.close();
  }
}

class ObjectDatabase implements ActorDatabase {
  readonly #storage: ObjectStorage;
  readonly #actorId: string;
  readonly #ended: (isUndone: boolean) => void;
  /** True until the first commit of an actor that is being created. */
  #isNew: boolean;
  /** True once the row of the actor says that it has a database. */
  isMarked = false;
  #hasWritten = false;
  #isFenced = false;
  #isClosed = false;

  constructor(storage: ObjectStorage, actorId: string, isNew: boolean, ended: (isUndone: boolean) => void) {
    this.#storage = storage;
    this.#actorId = actorId;
    this.#isNew = isNew;
    this.#ended = ended;
  }

  prepare(sql: string): ActorStatement | undefined {
    this.#assertOpen();
    return prepareStatement(this.#storage.sql, sql, (isWrite) => {
      this.#assertOpen();
      if (isWrite) this.#hasWritten = true;
    });
  }

  get inTransaction(): boolean {
    return this.#hasWritten;
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const hadWritten = this.#hasWritten;
    try {
      return await this.#storage.transaction(work);
    } catch (error) {
      this.#hasWritten = hadWritten;
      throw error;
    }
  }

  savepoint(): void {
    throw new TypeError("an object has transactions instead of savepoints");
  }

  release(): void {
    throw new TypeError("an object has transactions instead of savepoints");
  }

  rollback(): void {
    throw new TypeError("an object has transactions instead of savepoints");
  }

  /** No statement runs alone here. */
  settle(): boolean {
    return this.#isNew;
  }

  committed(): void {
    this.#isNew = false;
    this.isMarked = true;
    this.#hasWritten = false;
  }

  fence(): void {
    this.#isFenced = true;
  }

  /** What an actor wrote whose creation or whose last turn failed is undone. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isNew && !this.#isFenced) dropTables(this.#storage.sql);
    this.#ended(this.#isNew || this.#isFenced || !this.#hasWritten);
  }

  #assertOpen(): void {
    if (this.#isFenced) throw fenced(this.#actorId);
    if (this.#isClosed) throw new HoldfastError("db", "closed", "The database of the actor is closed");
  }
}

/** Removes everything that is not of the runtime or the platform. */
function dropTables(sql: SqlStorage): void {
  sql.exec("PRAGMA defer_foreign_keys = ON");
  for (;;) {
    const [first] = sql
      .exec(
        `SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view')
          AND substr(name, 1, ?1) <> ?2 AND substr(name, 1, 4) <> '_cf_' AND substr(name, 1, 7) <> 'sqlite_'
          ORDER BY sql LIKE 'CREATE VIRTUAL%' DESC, type DESC LIMIT 1`,
        ...[reservedPrefix.length, reservedPrefix],
      )
      .toArray();
    if (first === undefined) return;
    const name = String(first["name"]).replaceAll('"', '""');
    sql.exec(`DROP ${first["type"] === "view" ? "VIEW" : "TABLE"} "${name}"`);
  }
}
