import type { ActorRecord } from "@holdfast/actors";
import { type ArchiveSummary, summaryOf } from "@holdfast/store-kit";
import type { Blobs } from "../blobs/blobs.ts";
import type { Connections } from "../connection/connections.ts";
import type { LongConnections } from "../connection/long-connections.ts";
import { ImageReader } from "../history/image.ts";
import { actorRecord, integer, type Row, recordColumns, text } from "../rows.ts";
import { shardOf } from "../shards.ts";

export interface StoredActorsOptions {
  readonly connections: Connections;
  readonly readers: LongConnections;
  readonly blobs: Blobs;
  readonly schema: string;
  readonly shards: number;
}

/** Reads what a migration has written. */
export class StoredActors {
  readonly #options: StoredActorsOptions;

  constructor(options: StoredActorsOptions) {
    this.#options = options;
  }

  /** The stored records of these actors, as far as they exist, by id. */
  async records(wanted: readonly ActorRecord[]): Promise<ReadonlyMap<string, ActorRecord>> {
    const { connections, schema, shards } = this.#options;
    const rows = await connections.read({
      text: `SELECT ${recordColumns} FROM unnest($1::integer[]) WITH ORDINALITY AS place (shard, no)
        JOIN json_array_elements_text($2::json) WITH ORDINALITY AS wanted (wanted_id, no) USING (no)
        JOIN ${schema}.actor ON actor.shard = place.shard AND actor.id = wanted.wanted_id`,
      values: [wanted.map(({ id }) => shardOf(id, shards)), JSON.stringify(wanted.map(({ id }) => id))],
      returns: true,
    });
    return new Map(rows.map((row) => [text(row, "id"), actorRecord(row)]));
  }

  async count(): Promise<{ readonly existing: number; readonly destroyed: number }> {
    const [row = {}] = await this.#options.connections.read({
      text: `SELECT count(*) FILTER (WHERE destroyed_at IS NULL) AS existing,
        count(*) FILTER (WHERE destroyed_at IS NOT NULL) AS destroyed FROM ${this.#options.schema}.actor`,
      values: [],
      returns: true,
    });
    return { existing: integer(row, "existing"), destroyed: integer(row, "destroyed") };
  }

  /** Reads an actor to its end; undefined if it does not exist. */
  summary(id: string, callsAfter: number): Promise<ArchiveSummary | undefined> {
    const { readers, blobs, schema, shards } = this.#options;
    const shard = shardOf(id, shards);
    return readers.run(async (client) => {
      const { rows } = await client.query(
        `SELECT ${recordColumns}, page_size, pages FROM ${schema}.actor WHERE shard = $1 AND id = $2`,
        [shard, id],
      );
      const row = rows[0] as Row | undefined;
      if (row === undefined) return undefined;
      const reader = new ImageReader({
        ...{ client, schema, shard, actorId: id },
        openInBucket: (...place) => blobs.openInBucket(...place),
      });
      const parts = reader.archiveParts(row, callsAfter);
      return summaryOf({ record: actorRecord(row), parts });
    });
  }
}
