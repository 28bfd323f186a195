import type { Logger } from "@holdfast/core";
import pg from "pg";
import { decodeField } from "./transaction-query.ts";

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

  /** Runs one statement in a transaction of its own. */
  query(text: string, values: readonly unknown[]): Promise<pg.QueryResult<Record<string, unknown>>> {
    return this.#pool.query(text, [...values]);
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

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
