/** Copies all actors of another store into an empty database, and verifies them. */
import { notEmpty, otherData, unfinishedMigration } from "@holdfast/store-kit";
import type pg from "pg";
import type { SqlParameter } from "../connection/transaction-query.ts";
import { integer, type Row, text } from "../rows.ts";

/**
 * A row of `meta` whose key names the source. Its value is 0 until everything is copied and verified, then a fingerprint
 * of what was.
 */
const prefix = "migrate/";
const like = `${prefix}%`;

/** Throws `store.migrate_unfinished` if only a part of an installation may be in the database. */
export async function refuseUnfinishedMigration(client: pg.ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query(`SELECT 1 FROM ${schema}.meta WHERE key LIKE $1 AND value = 0`, [like]);
  if (rows.length > 0) throw unfinishedMigration("drop the schema");
}

/** Runs one statement as a transaction, which is safe to repeat. */
export type Query = (text: string, values: readonly SqlParameter[]) => Promise<readonly Row[]>;

/** The migration into a database, as its tables record it. */
export class MigrationMark {
  readonly #query: Query;
  readonly #schema: string;
  readonly #key: string;

  constructor(query: Query, schema: string, sourceId: string) {
    this.#query = query;
    this.#schema = schema;
    this.#key = `${prefix}${sourceId}`;
  }

  /**
   * The fingerprint of a finished migration from the same source; 0 for an unfinished one, undefined for none. Throws
   * `migrate.not_empty` if the database has data of another origin.
   */
  async read(): Promise<number | undefined> {
    const schema = this.#schema;
    const marks = await this.#query(`SELECT key, value FROM ${schema}.meta WHERE key LIKE $1`, [like]);
    const own = marks.find((row) => text(row, "key") === this.#key);
    if (own !== undefined) return integer(own, "value");
    if (marks.length > 0) throw notEmpty(otherData.migrated);
    if (await this.#exists("actor")) throw notEmpty(otherData.actors);
    if (await this.#exists("blob")) throw notEmpty(otherData.objects);
    if (await this.#exists("node WHERE expires_at > now()")) throw notEmpty(otherData.nodes);
    return undefined;
  }

  async #exists(what: string): Promise<boolean> {
    return (await this.#query(`SELECT 1 FROM ${this.#schema}.${what} LIMIT 1`, [])).length > 0;
  }

  /** Throws `migrate.not_empty` if another migration has begun at the same time. */
  async begin(): Promise<void> {
    const schema = this.#schema;
    // The lock is the one under which nodes upgrade the tables.
    await this.#query(
      `INSERT INTO ${schema}.meta (key, value) SELECT $1::text, 0
        FROM (SELECT 1 FROM ${schema}.meta WHERE key = 'schema_version' FOR UPDATE) AS locked
        WHERE NOT EXISTS (SELECT 1 FROM ${schema}.meta WHERE key LIKE $2)`,
      [this.#key, like],
    );
    await this.read();
  }

  async finish(fingerprint: number): Promise<void> {
    const text = `UPDATE ${this.#schema}.meta SET value = $2::bigint WHERE key = $1`;
    await this.#query(text, [this.#key, fingerprint]);
  }
}
