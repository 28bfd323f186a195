import type { Logger } from "@holdfast/core";
import pg from "pg";
import { decodeField } from "./transaction-query.ts";

/** A connection reserved for one user. */
export interface HeldConnection {
  readonly client: pg.PoolClient;
  readonly release: () => Promise<void>;
}

/** Time after which an idle connection is closed. */
const idleMs = 10_000;

/**
 * Pool of connections for long work, so that turns and reads do not wait behind it. Further work queues. The holder of
 * a connection must not wait for a second one: that could deadlock.
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

  /** Runs `work` with a connection. Rolls back a transaction that it leaves open. */
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

  /** Reserves a connection until `release` is called, which rolls back its transaction. */
  async hold(): Promise<HeldConnection> {
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
      async release() {
        ended.resolve();
        await running.catch(() => {});
      },
    };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
