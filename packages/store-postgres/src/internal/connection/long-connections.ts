import type { Logger } from "@holdfast/core";
import pg from "pg";
import { decodeField } from "./transaction-query.ts";

/** A connection that is held for a while. */
export interface Lent {
  readonly client: pg.PoolClient;
  readonly giveBack: () => Promise<void>;
}

/** How long an idle connection is kept. */
const idleMs = 10_000;

/**
 * Connections for work that takes long, so that turns and reads do not wait behind it. Work beyond their number waits
 * for its turn. Whoever holds one must not wait for another one.
 */
export class LongConnections {
  readonly #pool: pg.Pool;

  constructor(client: pg.ClientConfig, max: number, log: Logger) {
    this.#pool = new pg.Pool({
      ...client,
      max,
      idleTimeoutMillis: idleMs,
      allowExitOnIdle: true,
      types: { getTypeParser: (type: number) => (field: string) => decodeField(type, field) },
    } as pg.PoolConfig);
    this.#pool.on("error", (error) => log.warn("idle database connection lost", { error }));
  }

  /** Lends a connection. A transaction that `work` leaves open is rolled back. */
  async run<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let isBroken = false;
    const onError = () => {
      isBroken = true;
    };
    client.on("error", onError);
    try {
      return await work(client);
    } catch (error) {
      await client.query("ROLLBACK").catch(onError);
      throw error;
    } finally {
      client.off("error", onError);
      client.release(isBroken);
    }
  }

  /** Lends a connection until `giveBack` is called, which ends its transaction. */
  async lend(): Promise<Lent> {
    const ended = Promise.withResolvers<void>();
    const started = Promise.withResolvers<pg.PoolClient>();
    const running = this.run(async (client) => {
      started.resolve(client);
      await ended.promise;
      await client.query("ROLLBACK");
    });
    running.catch(started.reject);
    const client = await started.promise;
    return {
      client,
      async giveBack() {
        ended.resolve();
        await running.catch(() => {});
      },
    };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
