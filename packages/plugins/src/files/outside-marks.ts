/** Files plugin: files that the operator shares. */
import type { BigIntStats } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const schemaVersion = 1;

const schema = `CREATE TABLE marked (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;`;

/**
 * Marks of the files and folders whose content or name a tainted session wrote. A mark belongs to the inode and not to
 * the name: it survives a move by any program, and applies in every shared folder that contains the file.
 */
export class OutsideMarks {
  readonly #db: DatabaseSync;
  readonly #maxMarks: number;

  /** `maxMarks` limits the number of marks. Throws when a later version wrote the database. */
  constructor(directory: string, maxMarks: number) {
    // Set first: the previous process may still be closing the database.
    this.#db = new DatabaseSync(join(directory, "marks.sqlite"), { timeout: 5_000 });
    this.#maxMarks = maxMarks;
    try {
      this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      this.#migrate();
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  #migrate(): void {
    const version = Number(this.#db.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > schemaVersion)
      throw new Error(
        `The marks have version ${version}, but this plugin supports only ${schemaVersion}. Update Holdfast.`,
      );
    if (version === 0) this.#db.exec(`BEGIN; ${schema} PRAGMA user_version = ${schemaVersion}; COMMIT;`);
  }

  has(file: BigIntStats): boolean {
    return this.#db.prepare("SELECT 1 FROM marked WHERE file = ?").get(keyOf(file)) !== undefined;
  }

  /** True at the limit. No mark is evicted: its file would count as clean. */
  get full(): boolean {
    return (
      Number(this.#db.prepare("SELECT count(*) AS marked FROM marked").get()?.["marked"]) >= this.#maxMarks
    );
  }

  /** Durable when it returns. */
  add(file: BigIntStats): void {
    this.#db.prepare("INSERT INTO marked (file) VALUES (?) ON CONFLICT DO NOTHING").run(keyOf(file));
  }

  /** Removes the mark of a deleted file. */
  remove(file: BigIntStats): void {
    this.#db.prepare("DELETE FROM marked WHERE file = ?").run(keyOf(file));
  }

  close(): void {
    this.#db.close();
  }
}

/** Includes the birth time, since a later file may reuse the inode number. */
function keyOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}.${birthtimeNs}`;
}
