import type { DatabaseSync } from "node:sqlite";
import { integer, optionalInteger, text } from "../rows.ts";

const maxRemembered = 8_192;

export interface FileRow {
  readonly id: string;
  readonly isDestroyed: boolean;
}

/**
 * Index in the store's database of the actors with a file of their own; see `actor_file` in schema.ts. Writes join
 * the open transaction.
 */
export class FileDirectory {
  readonly #sql: ReturnType<typeof prepare>;
  /** Most stores have no such actors: then no query is needed. */
  #hasAny: boolean;
  /** Actors known to have no file, from recent queries. */
  readonly #withoutFile = new Set<string>();

  constructor(database: DatabaseSync) {
    this.#sql = prepare(database);
    this.#hasAny = this.#sql.any.get() !== undefined;
  }

  has(id: string): boolean {
    if (!this.#hasAny || this.#withoutFile.has(id)) return false;
    if (this.#sql.has.get(id) !== undefined) return true;
    if (this.#withoutFile.size >= maxRemembered) this.#withoutFile.clear();
    this.#withoutFile.add(id);
    return false;
  }

  /** From now on, commits of this actor are written to its file: a commit to the store's row is always fenced. */
  add(id: string, isOpen: boolean): void {
    this.#hasAny = true;
    this.#withoutFile.delete(id);
    this.#sql.add.run(id, isOpen ? 1 : 0);
    this.#sql.clearVersion.run(id);
  }

  /** Returns false for an actor without a file. */
  mark(id: string, isOpen: boolean): boolean {
    return this.#hasAny && this.#sql.mark.run(isOpen ? 1 : 0, id).changes === 1;
  }

  /** Marks the file as closed by the owner with this epoch; the mark of a newer owner stays. */
  markClosed(id: string, epoch: number): void {
    this.#sql.markClosed.run(id, epoch);
  }

  remove(id: string): void {
    this.#sql.remove.run(id);
  }

  setWake(id: string, wakeAt: number | undefined): void {
    this.#sql.setWake.run(wakeAt ?? null, id);
  }

  destroy(id: string, destroyedAt: number): boolean {
    return this.#sql.destroy.run(destroyedAt, id).changes === 1;
  }

  /** All actors with a file. */
  ids(): readonly string[] {
    return this.#sql.ids.all().map((row) => text(row, "id"));
  }

  /** Clean-up that a crash may have left to do. */
  unfinished(): readonly FileRow[] {
    return this.#sql.unfinished.all().map((row) => ({
      id: text(row, "id"),
      isDestroyed: optionalInteger(row, "destroyed_at") !== undefined,
    }));
  }

  /** True unless the previous process ended cleanly. */
  get isDirty(): boolean {
    return this.#sql.getDirty.get() !== undefined;
  }

  setDirty(dirty: boolean): void {
    if (dirty) this.#sql.setDirty.run();
    else this.#sql.clearDirty.run();
  }

  get count(): number {
    return integer(this.#sql.count.get() ?? {}, "count");
  }
}

function prepare(database: DatabaseSync) {
  const sql = (statement: string) => database.prepare(statement);
  const no = "(SELECT no FROM actor WHERE id = ?)";
  return {
    any: sql("SELECT 1 FROM actor_file LIMIT 1"),
    count: sql("SELECT count(*) AS count FROM actor_file"),
    ids: sql("SELECT id FROM actor_file JOIN actor ON no = actor_no"),
    has: sql(`SELECT 1 FROM actor_file WHERE actor_no = ${no}`),
    add: sql(`INSERT INTO actor_file (actor_no, is_open) VALUES (${no}, ?)`),
    clearVersion: sql("UPDATE actor SET version = 0 WHERE id = ?"),
    mark: sql(`UPDATE actor_file SET is_open = ? WHERE actor_no = ${no}`),
    markClosed: sql(`UPDATE actor_file SET is_open = 0
      WHERE actor_no = (SELECT no FROM actor WHERE id = ? AND epoch = ?)`),
    remove: sql(`DELETE FROM actor_file WHERE actor_no = ${no}`),
    setWake: sql("UPDATE actor SET wake_at = ? WHERE id = ? AND destroyed_at IS NULL"),
    destroy: sql("UPDATE actor SET destroyed_at = ?, wake_at = NULL WHERE id = ? AND destroyed_at IS NULL"),
    unfinished: sql(`SELECT id, destroyed_at FROM actor_file JOIN actor ON no = actor_no
      WHERE is_open = 1 OR destroyed_at IS NOT NULL`),
    getDirty: sql("SELECT 1 FROM meta WHERE key = 'files_dirty'"),
    setDirty: sql("INSERT INTO meta (key, value) VALUES ('files_dirty', 1) ON CONFLICT DO NOTHING"),
    clearDirty: sql("DELETE FROM meta WHERE key = 'files_dirty'"),
  };
}
