import type { CommitBatch } from "@holdfast/actors";
import type { ChangedPages, CommittedRow, Failure, TurnChannel, TurnServer } from "@holdfast/store-kit";
import type { Connections } from "../connection/connections.ts";
import type { Statement } from "../connection/transaction-query.ts";
import { failureOf, mapDatabaseError, unavailable } from "../errors.ts";
import { committedRow, recordColumns } from "../rows.ts";
import { keyHash, shardOf } from "../shards.ts";
import type { TurnStatements } from "./statements.ts";

type Statements = readonly Statement[];

/** Sends turns as transactions of their statements. */
export class PostgresTurns implements TurnServer<Statements> {
  readonly #connections: Connections;
  readonly #statements: TurnStatements;
  readonly #shards: number;
  readonly #settleSql: string;

  constructor(connections: Connections, statements: TurnStatements, schema: string, shards: number) {
    this.#connections = connections;
    this.#statements = statements;
    this.#shards = shards;
    this.#settleSql = `SELECT ${recordColumns}, last_commit, snapshot_version
      FROM ${schema}.actor WHERE shard = $1 AND id = $2`;
  }

  work(batch: CommitBatch, now: number, pages: ChangedPages | undefined): Statements {
    return this.#statements.turn(shardOf(batch.actorId, this.#shards), batch, now, pages);
  }

  channel({ create }: CommitBatch): TurnChannel<Statements> {
    const connection = this.#connections.turn(create && keyHash(create.name, create.key));
    return { send: (statements) => connection.transaction(statements) };
  }

  async readRow(actorId: string): Promise<CommittedRow | undefined> {
    const values = [shardOf(actorId, this.#shards), actorId];
    const [row] = await this.#connections.read({ text: this.#settleSql, values, returns: true });
    return row && committedRow(row);
  }

  failureOf(error: unknown): Failure {
    return failureOf(error);
  }

  mapError(error: unknown): unknown {
    return mapDatabaseError(error);
  }

  unavailable(cause: unknown): Error {
    return unavailable(cause);
  }
}
