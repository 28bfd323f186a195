import type { Logger } from "@holdfast/core";

/** Values that SQL takes. */
export type SqlValue = null | number | string | bigint | Uint8Array | number[] | boolean;

/** The SQLite database of one actor, as the store hands it out. See docs/reference/database.md. */
export interface ActorDatabase {
  /** Runs SQL now, inside the open turn, and returns its rows. */
  query(sql: string, params?: readonly SqlValue[] | Readonly<Record<string, SqlValue>>): readonly SqlRow[];
  /** Runs several statements without parameters. */
  exec(sql: string): void;
}

export type SqlRow = Readonly<Record<string, unknown>>;

/** What a provider gets to make `c.db`. */
export interface DatabaseProviderContext {
  readonly actorId: string;
  readonly log: Logger;
  readonly database: ActorDatabase;
}

/** What `db()` returns: makes `c.db` at each start, then brings its tables up to date. */
export interface DatabaseProvider<Client> {
  createClient(context: DatabaseProviderContext): Promise<Client> | Client;
  onMigrate?(client: Client): Promise<void> | void;
}

/** Any provider, or none. */
export type AnyDatabase = DatabaseProvider<unknown> | undefined;

/** The type of `c.db`. */
export type DatabaseClient<Database> = Database extends DatabaseProvider<infer Client> ? Client : never;
