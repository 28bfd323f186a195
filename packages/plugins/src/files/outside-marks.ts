/** Plugin: files that a person shares. */
import type { BigIntStats } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const schemaVersion = 1;

const schema = `CREATE TABLE marked (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;`;

/**
 * The files and folders that hold, or are named with, words of a session into which content from outside had come.
 * A mark is the file's own and not its name's: it stays when the file is moved, by whomever, and is seen
 * through each of several shared folders.
 */
export class OutsideMarks {
  readonly #db: DatabaseSync;
  readonly #most: number;

  /** At most `most` are kept. Throws when the file was made by a later version. */
  constructor(directory: string, most: number) {
    // From the start: the process before this one may still be closing the file.
    this.#db = new DatabaseSync(join(directory, "marks.sqlite"), { timeout: 5_000 });
    this.#most = most;
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
      throw new Error(`The marks are of version ${version}, and this plugin knows ${schemaVersion}`);
    if (version === 0) this.#db.exec(`BEGIN; ${schema} PRAGMA user_version = ${schemaVersion}; COMMIT;`);
  }

  has(file: BigIntStats): boolean {
    return this.#db.prepare("SELECT 1 FROM marked WHERE file = ?").get(keyOf(file)) !== undefined;
  }

  /** True where there is no room for one more: to forget an older one would make its file clean. */
  get full(): boolean {
    return Number(this.#db.prepare("SELECT count(*) AS marked FROM marked").get()?.["marked"]) >= this.#most;
  }

  /** Durable when it returns. */
  add(file: BigIntStats): void {
    this.#db.prepare("INSERT INTO marked (file) VALUES (?) ON CONFLICT DO NOTHING").run(keyOf(file));
  }

  /** For a file that is gone. */
  remove(file: BigIntStats): void {
    this.#db.prepare("DELETE FROM marked WHERE file = ?").run(keyOf(file));
  }

  close(): void {
    this.#db.close();
  }
}

/** A number that a later file gets again does not make it this one. */
function keyOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}.${birthtimeNs}`;
}
