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
import { ConnectionLost, corrupt } from "@holdfast/store-kit";
import { postgresStoreLimits as limits } from "../../limits.ts";
import { Connection } from "../connection/connection.ts";
import type { SqlParameter, Statement } from "../connection/transaction-query.ts";
import { mapDatabaseError, unavailable } from "../errors.ts";
import { integer, type Row, text } from "../rows.ts";
import type { PreparedServer } from "../server.ts";
import { shardOf } from "../shards.ts";
import { PostgresNotifications } from "./notifications.ts";
import { clusterSql } from "./sql.ts";

/**
 * On a connection of its own, so that renewals do not wait behind turns. Nothing is retried here: the caller knows for
 * how long an attempt is of use.
 */
export class PostgresCluster implements ClusterStore {
  readonly id: string;
  readonly shards: number;
  readonly notifications: PostgresNotifications;
  readonly #connection: Connection;
  readonly #sql: ReturnType<typeof clusterSql>;

  constructor({ settings, schema, shards, clusterId, unpooled }: PreparedServer) {
    this.id = clusterId;
    this.shards = shards;
    this.notifications = new PostgresNotifications({
      ...{ client: unpooled, ports: settings.ports, cluster: clusterId },
      send: async (channel, message) => void (await this.#run(statement(this.#sql.notify, channel, message))),
    });
    // Its few statements are not worth preparing, which not every pooler allows.
    this.#connection = new Connection({
      ...settings,
      prepares: false,
      preparesBehindPooler: false,
      statementTimeoutMs: limits.clusterTimeoutMs,
    });
    this.#sql = clusterSql(schema);
  }

  async credentials(): Promise<readonly string[]> {
    const [row] = await this.#run({ ...statement(this.#sql.credentials), returns: true });
    return row === undefined ? [] : (JSON.parse(text(row, "proofs")) as string[]);
  }

  async replaceCredentials(expected: readonly string[], next: readonly string[]): Promise<boolean> {
    const values = [JSON.stringify(expected), JSON.stringify(next)];
    const replaced = { ...statement(this.#sql.replaceCredentials, ...values), returns: true } as const;
    return (await this.#run(replaced)).length > 0;
  }

  async join(node: NodeDescription, ttlMs: number): Promise<void> {
    const { id, incarnation, address, version, weight, zone, draining, region, pools } = node;
    const sql = this.#sql;
    const [row] = await this.#run(
      statement(sql.bumpRevision),
      statement(sql.removeExpired),
      {
        ...statement(
          sql.join,
          ...[id, incarnation, address, version, weight, zone, draining],
          JSON.stringify(servedNames(node)),
          region,
          JSON.stringify(pools),
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
      mark: markOf(row["mark"]),
      now: integer(row, "now"),
      draining: isDraining,
      nextExpiryMs: next === null ? undefined : Number(next),
    };
  }

  async reweigh({ id, incarnation }: NodeSession, weight: number): Promise<void> {
    await this.#run(statement(this.#sql.bumpRevision), statement(this.#sql.reweigh, id, incarnation, weight));
  }

  async view(seen?: number): Promise<ClusterView> {
    const [row] = await this.#run({ ...statement(this.#sql.view, seen ?? null), returns: true });
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

  async openScope(scope: string): Promise<void> {
    await this.#run(statement(this.#sql.bumpRevision), statement(this.#sql.openScope, scope));
  }

  async place(actorId: string, epoch: number, place: string | undefined): Promise<boolean> {
    const shard = shardOf(actorId, this.shards);
    const written = {
      ...statement(this.#sql.place, shard, actorId, epoch, place ?? null),
      returns: true,
    } as const;
    return (await this.#run(written)).length > 0;
  }

  async leave({ id, incarnation }: NodeSession): Promise<void> {
    await this.#run(statement(this.#sql.bumpRevision), statement(this.#sql.leave, id, incarnation));
  }

  async close(): Promise<void> {
    await this.notifications.unlisten();
    await this.#connection.close();
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
  const view = JSON.parse(text(row, "view")) as Omit<ClusterView, "nodes" | "mark" | "seenMark"> & {
    readonly mark: number | null;
    readonly seenMark: number | null;
    readonly nodes: readonly (Omit<NodeRecord, "serves" | "pools"> & {
      readonly serves: string;
      readonly pools: string;
    })[];
  };
  return {
    ...view,
    mark: markOf(view.mark),
    seenMark: markOf(view.seenMark),
    nodes: view.nodes.map((node) => ({
      ...node,
      ...parseServedNames(JSON.parse(node.serves) as string[]),
      pools: JSON.parse(node.pools) as string[],
    })),
  };
}

function markOf(value: unknown): number | undefined {
  return value === null ? undefined : Number(value);
}

/** Separates a name from the state version that follows. */
const versionMark = "\u001f";

/** The names that a node serves, each followed by itself with its state version, if it has one. */
function servedNames({ serves, stateVersions = {} }: NodeDescription): readonly string[] {
  return serves.flatMap((name) => {
    const version = stateVersions[name] ?? 0;
    return version === 0 ? [name] : [name, `${name}${versionMark}${version}`];
  });
}

function parseServedNames(names: readonly string[]): Pick<NodeDescription, "serves" | "stateVersions"> {
  const versions = names.flatMap((each) => {
    const [name = "", version] = each.split(versionMark);
    return version === undefined ? [] : [[name, Number(version)] as const];
  });
  const serves = names.filter((name) => !name.includes(versionMark));
  return versions.length === 0 ? { serves } : { serves, stateVersions: Object.fromEntries(versions) };
}
