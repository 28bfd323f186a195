import type { Ports } from "@holdfast/core";
import { Backoff, type RetryLimits } from "@holdfast/store-kit";
import { failureOf, mapDatabaseError } from "../errors.ts";
import type { Row } from "../rows.ts";
import { Connection, type ConnectionSettings } from "./connection.ts";
import type { Statement } from "./transaction-query.ts";

export interface ConnectionsOptions {
  readonly settings: ConnectionSettings;
  readonly ports: Ports;
  readonly turns: number;
  readonly reads: number;
  readonly retry: RetryLimits;
}

/** Pipelined connections of a store, some for turns and some for reads. */
export class Connections {
  readonly #ports: Ports;
  readonly #turns: readonly Connection[];
  readonly #reads: readonly Connection[];
  readonly #retry: RetryLimits;

  constructor({ settings, ports, turns, reads, retry }: ConnectionsOptions) {
    this.#ports = ports;
    this.#turns = Array.from({ length: turns }, () => new Connection(settings));
    this.#reads = Array.from({ length: reads }, () => new Connection(settings));
    this.#retry = retry;
  }

  /**
   * Connection for the turns of an actor. Creations pass the hash of their key: they share a connection, so that the
   * first one submitted wins.
   */
  turn(hash?: Uint8Array): Connection {
    if (hash !== undefined) return at(this.#turns, (hash[0] ?? 0) % this.#turns.length);
    return leastLoaded(this.#turns);
  }

  /** Runs statements as one transaction, with retries. They must be safe to repeat. */
  async read(...statements: readonly Statement[]): Promise<readonly Row[]> {
    const [rows = []] = await this.readEach([statements]);
    return rows;
  }

  /**
   * As `read`, for several transactions pipelined on one connection. Each sees all commits up to the end of the one
   * before it.
   */
  async readEach(transactions: readonly (readonly Statement[])[]): Promise<readonly (readonly Row[])[]> {
    const backoff = new Backoff(this.#ports, this.#retry);
    for (;;) {
      const connection = leastLoaded(this.#reads);
      const results = await Promise.allSettled(
        transactions.map((statements) => connection.transaction(statements)),
      );
      const failed = results.find((result) => result.status === "rejected");
      if (failed === undefined) {
        return results.map((result) => (result.status === "fulfilled" ? result.value : []));
      }
      if (failureOf(failed.reason) === "final" || !(await backoff.wait())) {
        throw mapDatabaseError(failed.reason);
      }
    }
  }

  /** Asks the server once for an answer, without retries. Throws `store.unavailable`. */
  async ping(): Promise<void> {
    try {
      await leastLoaded(this.#reads).transaction([{ text: "SELECT 1", values: [] }]);
    } catch (error) {
      throw mapDatabaseError(error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#turns, ...this.#reads].map((connection) => connection.close()));
  }
}

function leastLoaded(connections: readonly Connection[]): Connection {
  let best = at(connections, 0);
  for (const connection of connections) if (connection.load < best.load) best = connection;
  return best;
}

function at(connections: readonly Connection[], index: number): Connection {
  const connection = connections[index];
  if (connection === undefined) throw new Error("The store has no connections");
  return connection;
}
