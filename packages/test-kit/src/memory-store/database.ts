import { DatabaseSync } from "node:sqlite";
import type { ActorDatabase } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { SqlSession } from "@holdfast/store-sqlite";

/** The SQLite database of one actor of a memory store: a real one, that lives as long as the store. */
export class MemoryDatabase {
  readonly #database = new DatabaseSync(":memory:");
  readonly #session: SqlSession;
  #epoch = 1;

  /** Begins with the content of an SQLite file, if one is given. */
  constructor(content?: Uint8Array) {
    if (content !== undefined) this.#database.deserialize(content);
    this.#session = new SqlSession(this.#database);
  }

  /** The content as an SQLite file, between turns. */
  content(): Uint8Array {
    if (this.#session.inTransaction) throw new Error("A turn of the actor is open");
    return this.#database.serialize();
  }

  /** A new owner: what the one before has not committed is undone, and that it has let foreign keys be. */
  take(epoch: number): void {
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
    let born = false;
    return {
      prepare: (sql) => own().prepare(sql),
      get inTransaction() {
        return session.inTransaction;
      },
      savepoint: (name) => own().savepoint(name),
      release: (name) => own().release(name),
      rollback: (name) => own().rollback(name),
      settle: () => {
        born ||= exists();
        if (born) return false;
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
