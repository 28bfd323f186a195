import { rmSync } from "node:fs";
import { join } from "node:path";
import type {
  ActorImage,
  ActorRecord,
  HistoryStore,
  ImagePart,
  NewIdentity,
  StoredState,
} from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import { ConnectionLost, duplicateKey, indeterminate } from "@holdfast/store-kit";
import type pg from "pg";
import type { Blobs } from "../blobs/blobs.ts";
import type { TurnStatements } from "../commit/statements.ts";
import type { Connections } from "../connection/connections.ts";
import type { LongConnections } from "../connection/long-connections.ts";
import type { Statement } from "../connection/transaction-query.ts";
import { failureOf, mapDatabaseError } from "../errors.ts";
import { storedState } from "../rows.ts";
import { shardOf } from "../shards.ts";
import { ImageReader } from "./image.ts";
import { Restore } from "./restore.ts";

export interface PostgresHistoryOptions {
  readonly ports: Ports;
  readonly connections: Connections;
  /** Images and restores use different pools: a copy holds a connection of each. */
  readonly images: LongConnections;
  readonly restores: LongConnections;
  readonly statements: TurnStatements;
  readonly schema: string;
  readonly shards: number;
  readonly cachePath: string;
  readonly blobs: Blobs;
  readonly get: (id: string) => Promise<ActorRecord | undefined>;
  /** Resolves when no commit of this actor is waiting. */
  readonly settled: (actorId: string) => Promise<void>;
}

/** History and copies of actors. */
export class PostgresHistory implements HistoryStore {
  readonly #options: PostgresHistoryOptions;
  readonly #scratch: string;

  constructor(options: PostgresHistoryOptions) {
    this.#options = options;
    this.#scratch = join(options.cachePath, "scratch");
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  async stateAt(actorId: string, at: number): Promise<StoredState | undefined> {
    const { connections, schema, shards, settled } = this.#options;
    await settled(actorId);
    const own = "shard = $1 AND actor = $2 AND created_at <= $3";
    const text = `SELECT version, piece, bytes FROM ${schema}.state WHERE ${own} AND version >=
        (SELECT max(version) FROM ${schema}.state WHERE ${own} AND is_snapshot) ORDER BY version, piece`;
    const values = [shardOf(actorId, shards), actorId, at];
    return storedState(await connections.read({ text, values, returns: true }));
  }

  /** Reads all parts in one transaction, which sees one snapshot of the database. */
  async image(actorId: string): Promise<ActorImage> {
    const { images, schema, shards, settled } = this.#options;
    await settled(actorId);
    const held = await images.hold();
    const reader = new ImageReader({
      ...{ client: held.client, schema, shard: shardOf(actorId, shards), actorId },
      openInBucket: (...place) => this.#options.blobs.openInBucket(...place),
    });
    try {
      await held.client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      const { header, row } = await reader.header();
      return { header, parts: until(reader.parts(row), held.release) };
    } catch (error) {
      await held.release();
      throw mapDatabaseError(error);
    }
  }

  async restore(image: ActorImage, as: NewIdentity): Promise<ActorRecord> {
    const { restores, get } = this.#options;
    const parts = image.parts[Symbol.asyncIterator]();
    try {
      // Started before anything can fail: a generator that was never started cannot be returned from, and its
      // connection would stay taken.
      const first = await parts.next();
      if ((await get(as.id)) !== undefined) throw duplicateKey();
      const all = { ...image, parts: continued(first, parts) };
      await restores.run((client) => this.#restore(client, all, as));
      const record = await get(as.id);
      if (record === undefined) throw indeterminate(new Error("The restored actor is missing"));
      return record;
    } catch (error) {
      throw failureOf(error) === "fence" ? duplicateKey() : mapDatabaseError(error);
    } finally {
      await parts.return?.();
    }
  }

  async #restore(client: pg.ClientBase, image: ActorImage, as: NewIdentity): Promise<void> {
    const { statements, schema, shards, ports, blobs } = this.#options;
    const restore = new Restore(image, as, {
      ...{ statements, schema, blobs, shard: shardOf(as.id, shards), now: ports.clock.now() },
      scratch: this.#scratch,
      run: ({ text, values }: Statement) => client.query(text, [...values]),
    });
    const settle = async () => {
      for (const upload of restore.uploads) await blobs.settle(as.id, upload);
    };
    let commitId: string;
    try {
      await client.query("BEGIN");
      commitId = await restore.run(image.parts);
    } catch (error) {
      await settle();
      throw error;
    }
    // Where its outcome is unknown, the objects may exist: what they do not use is removed as abandoned.
    await this.#commit(client, as.id, commitId);
    await settle();
  }

  /** After a lost connection, the actor's row shows whether it was committed. */
  async #commit(client: pg.ClientBase, actorId: string, commitId: string): Promise<void> {
    try {
      await client.query("COMMIT");
    } catch (error) {
      const record = await this.#options.get(actorId).catch(() => {
        throw indeterminate(error);
      });
      if (record === undefined) throw new ConnectionLost(true, error);
      this.#options.ports.log.info("restore settled", { actorId, commitId });
    }
  }
}

async function* until(parts: AsyncIterable<ImagePart>, end: () => Promise<void>): AsyncGenerator<ImagePart> {
  try {
    yield* parts;
  } catch (error) {
    throw mapDatabaseError(error);
  } finally {
    await end();
  }
}

async function* continued(
  first: IteratorResult<ImagePart>,
  parts: AsyncIterator<ImagePart>,
): AsyncGenerator<ImagePart> {
  for (let next = first; next.done !== true; next = await parts.next()) yield next.value;
}
