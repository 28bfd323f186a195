import { DatabaseSync } from "node:sqlite";
import type { ActorDatabase } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { SqlSession } from "@holdfast/store-sqlite";

/** SQLite database of one actor in a memory store: an in-memory one with the lifetime of the store. */
export class MemoryDatabase {
  readonly #database = new DatabaseSync(":memory:");
  readonly #session: SqlSession;
  #epoch = 1;

  /** `initialContent`: an SQLite file to start from. */
  constructor(initialContent?: Uint8Array) {
    if (initialContent !== undefined) this.#database.deserialize(initialContent);
    this.#session = new SqlSession(this.#database);
  }

  /** Serializes the database as an SQLite file, between turns. */
  serialize(): Uint8Array {
    if (this.#session.inTransaction) throw new Error("The actor has an open turn");
    return this.#database.serialize();
  }

  /**
   * Hands the database to a new owner: rolls back the previous owner's uncommitted changes and enables foreign keys
   * again.
   */
  takeOver(epoch: number): void {
    this.#session.rollbackAll();
    this.#database.exec("PRAGMA foreign_keys = ON");
    this.#epoch = epoch;
  }

  commit(): void {
    this.#session.commit();
  }

  close(): void {
    this.#database.close();
  }

  handle(epoch: number, exists: () => boolean): ActorDatabase {
    let closed = false;
    this.#epoch = epoch;
    const own = (): SqlSession => {
      if (closed) throw new HoldfastError("db", "closed", "Database is closed", { statusCode: 503 });
      if (epoch !== this.#epoch) {
        throw new HoldfastError("actor", "fenced", "Another owner has taken over this actor");
      }
      return this.#session;
    };
    const session = this.#session;
    let created = false;
    return {
      prepare: (sql) => own().prepare(sql),
      get inTransaction() {
        return session.inTransaction;
      },
      savepoint: (name) => own().savepoint(name),
      release: (name) => own().release(name),
      rollback: (name) => own().rollback(name),
      settle: () => {
        created ||= exists();
        if (created) return false;
        own().commit();
        return true;
      },
      close: () => {
        if (closed) return;
        closed = true;
        if (epoch === this.#epoch && this.#database.isOpen) this.#session.rollbackAll();
      },
    };
  }
}
