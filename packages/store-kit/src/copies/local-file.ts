import { DatabaseSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import { SqlSession } from "@holdfast/store-sqlite";
import { type WalChanges, WalReader } from "./wal-reader.ts";

/**
 * The local copy can be loaded again, so it is never synced. No other connection opens it, so the index of its log
 * stays in memory.
 */
const pragmas = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA cache_size = -2048;
  PRAGMA trusted_schema = OFF;
  PRAGMA foreign_keys = ON;
`;

/** The SQLite connection to a local copy, and its log. */
export class LocalFile {
  readonly session: SqlSession;
  readonly pageSize: number;
  readonly #database: DatabaseSync;
  readonly #wal: WalReader;
  readonly #walState;

  /** Opens the file at `path`, or creates it. Throws typed errors of the local disk. */
  constructor(path: string, maxBytes: number | undefined) {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 5_000 });
      database.exec(pragmas);
      this.pageSize = Number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
      if (maxBytes !== undefined) {
        database.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / this.pageSize)}`);
      }
      this.#walState = database.prepare("PRAGMA wal_checkpoint(NOOP)");
      this.session = new SqlSession(database);
      // The first read in this mode creates the log.
      database.prepare("SELECT count(*) FROM sqlite_schema").get();
      this.#wal = new WalReader(`${path}-wal`);
      this.#database = database;
    } catch (error) {
      database?.close();
      throw mapSqliteError(error);
    }
  }

  /** What was committed since the last call; undefined if nothing was. */
  changes(): WalChanges | undefined {
    return this.#wal.read(this.#frames);
  }

  /** Size of the log in bytes. */
  get logBytes(): number {
    return this.#frames * this.pageSize;
  }

  get #frames(): number {
    return Number(this.#walState.get()?.["log"] ?? 0);
  }

  checkpoint(): void {
    this.#database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** Checkpoints the log and closes the file. */
  close(): void {
    this.#wal.close();
    this.#database.close();
  }
}

const FULL = 13;

/** Maps errors of the local disk, which occur before anything is sent. */
export function mapSqliteError(error: unknown): unknown {
  const code = (error as { readonly errcode?: unknown } | null)?.errcode;
  if (typeof code !== "number") return error;
  if ((code & 0xff) === FULL) {
    const message =
      "The local disk is full, or the actor's database has reached its limit; nothing was written. Free space, then retry";
    return new HoldfastError("store", "full", message, { cause: error, metadata: { sqliteCode: code } });
  }
  const message =
    "The local copy of an actor's database cannot be used; nothing was written. Check the cache directory and its disk";
  return new HoldfastError("store", "unavailable", message, { cause: error, metadata: { sqliteCode: code } });
}
