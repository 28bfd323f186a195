/** Data that a node kept in files before it was in a cluster, and that moves into the actors, once. */
import type { ActorKv } from "@holdfast/actors";

/** A row of a file, with its place in the order of the rows. Positions begin after 0. */
export interface EarlierRow<Row> {
  readonly position: number;
  readonly row: Row;
}

/** Rows of one group in a file. */
export interface EarlierRows<Row> {
  /** Identifies the file, and no other one. */
  readonly source: string;
  /** Position of the row before the first of these; 0 if there is none. */
  readonly after: number;
  readonly rows: readonly EarlierRow<Row>[];
}

/**
 * Takes rows over once: `take` begins all its writes at once, so that they are one commit with the position of the last row.
 * Returns the position after which rows are missing; it takes no others.
 */
export async function takeOnce<Row>(
  kv: Pick<ActorKv, "get" | "put">,
  { source, after, rows }: EarlierRows<Row>,
  take: (rows: readonly Row[]) => readonly Promise<unknown>[],
): Promise<number> {
  const key = `earlier/${source}`;
  const taken = Number((await kv.get(key)) ?? 0);
  const last = rows.at(-1);
  if (after !== taken || last === undefined) return taken;
  await Promise.all([kv.put(key, String(last.position)), ...take(rows.map(({ row }) => row))]);
  return last.position;
}
