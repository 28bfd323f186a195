import type { Ports } from "@holdfast/core";
import pg from "pg";
import { postgresStoreLimits } from "../../limits.ts";
import { Backoff, type RetryLimits } from "../connection/backoff.ts";
import { CopyQuery, copiedRows } from "../connection/copy-query.ts";
import type { LongConnections } from "../connection/long-connections.ts";
import { failureOf, mapDatabaseError, sqlState } from "../errors.ts";
import type { Page } from "./local-copy.ts";

export interface ReadPagesOptions {
  readonly connections: LongConnections;
  readonly ports: Ports;
  readonly retry: RetryLimits;
  readonly schema: string;
  readonly shard: number;
  readonly actorId: string;
  /** Zero reads all pages. */
  readonly newerThan: number;
}

/**
 * Reads the pages of a database that are newer than a version, in order and in bounded memory. Continues on another
 * connection after a loss.
 */
export async function* readPages(options: ReadPagesOptions): AsyncGenerator<readonly Page[]> {
  const { connections, ports, retry, actorId } = options;
  const backoff = new Backoff(ports, retry);
  const progress = { bytes: 0, reported: 0, after: 0 };
  for (;;) {
    const held = await connections.hold();
    try {
      for await (const pages of read(held.client, options, progress.after)) {
        yield pages;
        progress.after = pages.at(-1)?.no ?? progress.after;
        for (const page of pages) progress.bytes += page.bytes.length;
        if (progress.bytes - progress.reported < postgresStoreLimits.progressBytes) continue;
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
