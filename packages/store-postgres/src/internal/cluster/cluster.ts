/** Sessions of nodes and leases of shards, as rows. */
import type {
  ClusterStore,
  ClusterView,
  NodeDescription,
  NodeRecord,
  NodeSession,
  Renewal,
} from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { postgresStoreLimits as limits } from "../../limits.ts";
import { Connection, type ConnectionSettings } from "../connection/connection.ts";
import type { SqlParameter, Statement } from "../connection/transaction-query.ts";
import { ConnectionLost, corrupt, mapDatabaseError, unavailable } from "../errors.ts";
import { integer, type Row, text } from "../rows.ts";
import { clusterSql } from "./sql.ts";

/**
 * On a connection of its own, so that renewals do not wait behind turns. Nothing is retried here: the caller knows for
 * how long an attempt is of use.
 */
export class PostgresCluster implements ClusterStore {
  readonly shards: number;
  readonly #connection: Connection;
  readonly #sql: ReturnType<typeof clusterSql>;

  constructor(settings: ConnectionSettings, schema: string, shards: number) {
    this.shards = shards;
    // Its few statements are not worth preparing, which not every pooler allows.
    this.#connection = new Connection({
      ...settings,
      prepares: false,
      statementTimeoutMs: limits.clusterTimeoutMs,
    });
    this.#sql = clusterSql(schema);
  }

  async join(node: NodeDescription, ttlMs: number): Promise<void> {
    const { id, incarnation, address, version, weight, zone, draining, serves } = node;
    const sql = this.#sql;
    const [row] = await this.#run(
      statement(sql.bumpRevision),
      statement(sql.removeExpired),
      {
        ...statement(
          sql.join,
          ...[id, incarnation, address, version, weight, zone, draining],
          JSON.stringify(serves),
          ttlMs,
        ),
        returns: true,
      },
      statement(sql.addScopes),
      statement(sql.copyLeases),
    );
    if (row === undefined) throw nodeExists(id);
  }

  async renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined> {
    const { id, incarnation } = session;
    const [row] = await this.#run(statement(this.#sql.bumpIfDrainChanges, id, incarnation, draining), {
      ...statement(this.#sql.renew, id, incarnation, draining, ttlMs),
      returns: true,
    });
    if (row === undefined) return undefined;
    const next = row["next_expiry"];
    const isDraining = row["draining"] === true;
    return {
      revision: integer(row, "revision"),
      draining: isDraining,
      nextExpiryMs: next === null ? undefined : Number(next),
    };
  }

  async view(): Promise<ClusterView> {
    const [row] = await this.#run({ ...statement(this.#sql.view), returns: true });
    return parseView(row);
  }

  async claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    await this.#run(
      statement(this.#sql.bumpRevision),
      statement(this.#sql.removeExpired),
      statement(this.#sql.claim, session.id, session.incarnation, scope, shards),
    );
  }

  async drain(id: string): Promise<boolean> {
    const asked = { ...statement(this.#sql.drain, id), returns: true } as const;
    return (await this.#run(statement(this.#sql.bumpRevision), asked)).length > 0;
  }

  async transfer(
    session: NodeSession,
    to: NodeSession,
    scope: string,
    shards: readonly number[],
  ): Promise<void> {
    await this.#run(
      statement(this.#sql.bumpRevision),
      statement(
        this.#sql.transfer,
        ...[session.id, session.incarnation, to.id, to.incarnation, scope],
        shards,
      ),
    );
  }

  async leave({ id, incarnation }: NodeSession): Promise<void> {
    await this.#run(statement(this.#sql.bumpRevision), statement(this.#sql.leave, id, incarnation));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #run(...statements: readonly Statement[]): Promise<readonly Row[]> {
    try {
      return await this.#connection.transaction(statements);
    } catch (error) {
      throw error instanceof ConnectionLost ? unavailable(error.cause) : mapDatabaseError(error);
    }
  }
}

function statement(sql: string, ...values: readonly SqlParameter[]): Statement {
  return { text: sql, values };
}

function nodeExists(id: string): HoldfastError {
  const message = `A node with the id "${id}" is running already. Give each node an id of its own, or stop the other one; a node that has crashed is forgotten when its session expires.`;
  return new HoldfastError("cluster", "node_exists", message, { metadata: { node: id } });
}

function parseView(row: Row | undefined): ClusterView {
  if (row === undefined) throw corrupt("The tables of the cluster are incomplete");
  const view = JSON.parse(text(row, "view")) as Omit<ClusterView, "nodes"> & {
    readonly nodes: readonly (Omit<NodeRecord, "serves"> & { readonly serves: string })[];
  };
  return {
    ...view,
    nodes: view.nodes.map((node) => ({ ...node, serves: JSON.parse(node.serves) as string[] })),
  };
}
