import type { Logger } from "@holdfast/core";
import { postgresStoreLimits } from "../../limits.ts";
import type { Statement } from "../connection/transaction-query.ts";
import { bytes, integer, type Row } from "../rows.ts";
import type { Page } from "./local-copy.ts";

const pagesPerRead = 512;

/** Reads the pages of a database that are newer than a version, a bounded number at a time, in order. */
export async function* readPages(options: {
  readonly schema: string;
  readonly shard: number;
  readonly actorId: string;
  /** 0 for all pages. */
  readonly newerThan: number;
  readonly read: (statement: Statement) => Promise<readonly Row[]>;
  readonly log: Logger;
}): AsyncGenerator<readonly Page[]> {
  const { schema, shard, actorId, newerThan, read, log } = options;
  const text = `SELECT page, bytes FROM ${schema}.page
    WHERE shard = $1 AND actor = $2 AND version > $3 AND page > $4 ORDER BY page LIMIT ${pagesPerRead}`;
  let after = 0;
  let loaded = 0;
  let reported = 0;
  for (;;) {
    const rows = await read({ text, values: [shard, actorId, newerThan, after], returns: true });
    const pages = rows.map((row) => ({ no: integer(row, "page"), bytes: bytes(row, "bytes") }));
    yield pages;
    const last = pages.at(-1);
    if (last === undefined || pages.length < pagesPerRead) return;
    after = last.no;
    loaded += pages.length * last.bytes.length;
    if (loaded - reported < postgresStoreLimits.progressBytes) continue;
    reported = loaded;
    log.info("loading the database of an actor", { actorId, bytes: loaded });
  }
}
