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
import type pg from "pg";
import type { TurnStatements } from "../commit/statements.ts";
import type { Connections } from "../connection/connections.ts";
import type { LongConnections } from "../connection/long-connections.ts";
import type { Statement } from "../connection/transaction-query.ts";
import { ConnectionLost, duplicateKey, failureOf, indeterminate, mapDatabaseError } from "../errors.ts";
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
    const reader = new ImageReader(held.client, schema, shardOf(actorId, shards), actorId);
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
      if ((await get(as.id)) !== undefined) throw duplicateKey();
      let commitId = "";
      await restores.run(async (client) => {
        await client.query("BEGIN");
        commitId = await this.#restore(
          client,
          { ...image, parts: { [Symbol.asyncIterator]: () => parts } },
          as,
        );
        await this.#commit(client, as.id, commitId);
      });
      const record = await get(as.id);
      if (record === undefined) throw indeterminate(new Error("The restored actor is missing"));
      return record;
    } catch (error) {
      throw failureOf(error) === "fence" ? duplicateKey() : mapDatabaseError(error);
    } finally {
      await parts.return?.();
    }
  }

  #restore(client: pg.ClientBase, image: ActorImage, as: NewIdentity): Promise<string> {
    const { statements, schema, shards, ports } = this.#options;
    return new Restore(image, as, {
      ...{ statements, schema, shard: shardOf(as.id, shards), now: ports.clock.now() },
      scratch: this.#scratch,
      run: ({ text, values }: Statement) => client.query(text, [...values]),
    }).run(image.parts);
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
