/** Databases of actors: their pages in PostgreSQL. */
import type { Ports } from "@holdfast/core";
import {
  type AcquiredDatabase,
  Backoff,
  type Page,
  type PageSource,
  type RetryLimits,
  remoteStoreLimits,
} from "@holdfast/store-kit";
import pg from "pg";
import type { Connections } from "../connection/connections.ts";
import { CopyQuery, copiedRows } from "../connection/copy-query.ts";
import type { LongConnections } from "../connection/long-connections.ts";
import { failureOf, mapDatabaseError, sqlState } from "../errors.ts";
import { acquiredDatabase } from "../rows.ts";
import { shardOf } from "../shards.ts";

export interface PostgresPagesOptions {
  readonly ports: Ports;
  readonly connections: Connections;
  /** Connections for loading pages. */
  readonly loading: LongConnections;
  readonly retry: RetryLimits;
  readonly schema: string;
  readonly shards: number;
}

/** The table of pages. */
export class PostgresPages implements PageSource {
  readonly #options: PostgresPagesOptions;

  constructor(options: PostgresPagesOptions) {
    this.#options = options;
  }

  async acquired(actorId: string): Promise<AcquiredDatabase | undefined> {
    const { connections, schema, shards } = this.#options;
    const text = `SELECT epoch, version, destroyed_at, page_size, pages, database_version
      FROM ${schema}.actor WHERE shard = $1 AND id = $2`;
    const values = [shardOf(actorId, shards), actorId];
    const [row] = await connections.read({ text, values, returns: true });
    return row === undefined || row["destroyed_at"] !== null ? undefined : acquiredDatabase(row);
  }

  pages(actorId: string, newerThan: number): AsyncIterable<readonly Page[]> {
    const shard = shardOf(actorId, this.#options.shards);
    return readPages({ ...this.#options, shard, actorId, newerThan });
  }
}

interface ReadPagesOptions extends PostgresPagesOptions {
  readonly shard: number;
  readonly actorId: string;
  /** Zero reads all pages. */
  readonly newerThan: number;
}

/**
 * Reads the pages of a database that are newer than a version, in order and in bounded memory. Continues on another
 * connection after a loss.
 */
async function* readPages(options: ReadPagesOptions): AsyncGenerator<readonly Page[]> {
  const { loading, ports, retry, actorId } = options;
  const backoff = new Backoff(ports, retry);
  const progress = { bytes: 0, reported: 0, after: 0 };
  for (;;) {
    const held = await loading.hold();
    try {
      for await (const pages of read(held.client, options, progress.after)) {
        yield pages;
        progress.after = pages.at(-1)?.no ?? progress.after;
        for (const page of pages) progress.bytes += page.bytes.length;
        if (progress.bytes - progress.reported < remoteStoreLimits.progressBytes) continue;
        progress.reported = progress.bytes;
        ports.log.info("loading the database of an actor", { actorId, bytes: progress.bytes });
      }
      return;
    } catch (error) {
      const isOver = sqlState(error) !== undefined && failureOf(error) === "final";
      if (isOver || !(await backoff.wait())) throw mapDatabaseError(error);
    } finally {
      await held.release();
    }
  }
}

/** COPY accepts no parameters. */
async function* read(
  client: pg.PoolClient,
  { schema, shard, actorId, newerThan }: ReadPagesOptions,
  after: number,
): AsyncGenerator<readonly Page[]> {
  const query = new CopyQuery(`COPY (
      SELECT page, bytes FROM ${schema}.page WHERE shard = ${shard} AND actor = ${pg.escapeLiteral(actorId)}
        AND version > ${newerThan} AND page > ${after} ORDER BY page
    ) TO STDOUT (FORMAT binary)`);
  client.query(query as unknown as pg.Submittable);
  for await (const rows of copiedRows(query)) {
    const pages: Page[] = [];
    for (const [no, bytes] of rows) {
      if (no === undefined || bytes === undefined) throw new Error("A copied page must have two columns");
      pages.push({ no: Number(no.readBigInt64BE()), bytes });
    }
    yield pages;
  }
}
