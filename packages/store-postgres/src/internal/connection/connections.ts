import type { Ports } from "@holdfast/core";
import { Backoff, type RetryLimits } from "@holdfast/store-kit";
import { failureOf, mapDatabaseError } from "../errors.ts";
import type { Row } from "../rows.ts";
import type { Connection, ConnectionSettings } from "./connection.ts";
import { PipelinePool } from "./pipeline-pool.ts";
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
  readonly #turns: PipelinePool;
  readonly #reads: PipelinePool;
  readonly #retry: RetryLimits;
  /** The last connection of the creations whose hashes begin with this byte. */
  readonly #creating: (Connection | undefined)[] = [];

  constructor({ settings, ports, turns, reads, retry }: ConnectionsOptions) {
    this.#ports = ports;
    this.#turns = new PipelinePool(settings, turns);
    this.#reads = new PipelinePool(settings, reads);
    this.#retry = retry;
  }

  /**
   * Connection for the turns of an actor. Creations pass the hash of their key: those in progress share a connection, so
   * that the first one submitted wins.
   */
  turn(hash?: Uint8Array): Connection {
    if (hash === undefined) return this.#turns.choose();
    const first = hash[0] ?? 0;
    const last = this.#creating[first];
    const connection = last !== undefined && last.load > 0 ? last : this.#turns.choose();
    this.#creating[first] = connection;
    return connection;
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
      const connection = this.#reads.choose();
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
      await this.#reads.choose().transaction([{ text: "SELECT 1", values: [] }]);
    } catch (error) {
      throw mapDatabaseError(error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#turns.close(), this.#reads.close()]);
  }
}
