import type {
  ActorPage,
  ActorRecord,
  DueCursor,
  DueFilter,
  ListFilter,
  ListQuery,
  NamespaceFilter,
} from "@holdfast/actors";
import { type ActorKey, encodeKey } from "@holdfast/core";
import { postgresStoreLimits } from "../limits.ts";
import type { Connections } from "./connection/connections.ts";
import type { SqlParameter } from "./connection/transaction-query.ts";
import { DueLookup, type DuePage } from "./due.ts";
import { actorRecord, integer, type Row, recordColumns } from "./rows.ts";
import { keyHash, shardOf } from "./shards.ts";

/** Finds actors by key, id and wake-up time, and lists them. All data read is durable. */
export class Lookup {
  readonly #connections: Connections;
  readonly #shards: number;
  readonly #sql;
  readonly #due: DueLookup;

  constructor(connections: Connections, schema: string, shards: number) {
    this.#connections = connections;
    this.#shards = shards;
    this.#sql = lookupSql(schema);
    this.#due = new DueLookup(connections, schema, shards);
  }

  async find(name: string, key: ActorKey): Promise<ActorRecord | undefined> {
    const [row] = await this.#rows(this.#sql.find, keyHash(name, key), name, encodeKey(key));
    return row && actorRecord(row);
  }

  async get(id: string): Promise<ActorRecord | undefined> {
    const [row] = await this.#rows(this.#sql.get, shardOf(id, this.#shards), id);
    return row && actorRecord(row);
  }

  async list({ name, namespaces, keyPrefix, createdAfter, limit, cursor }: ListQuery): Promise<ActorPage> {
    const page = pageLimit(limit);
    const filter = [keyPrefix ?? "", createdAfter ?? -1, cursor ?? "", page + 1];
    const { sql, values } = narrowed(name, namespaces, 5);
    const rows = await this.#rows(
      `${this.#sql.list} ${sql} ORDER BY id LIMIT $4::integer`,
      ...filter,
      ...values,
    );
    const actors = rows.slice(0, page).map(actorRecord);
    const last = actors.at(-1);
    return { actors, ...(rows.length > page && last !== undefined ? { cursor: last.id } : {}) };
  }

  async count({ name, namespaces, keyPrefix = "", createdAfter = -1 }: ListFilter): Promise<number> {
    const { sql, values } = narrowed(name, namespaces, 3);
    const [row] = await this.#rows(`${this.#sql.count} ${sql}`, keyPrefix, createdAfter, ...values);
    return integer(row ?? {}, "n");
  }

  async due(
    now: number,
    limit: number,
    after: DueCursor = { wakeAt: Number.MIN_SAFE_INTEGER, id: "" },
    filter?: DueFilter,
  ): Promise<DuePage> {
    const page = pageLimit(limit);
    return filter === undefined
      ? this.#due.all(now, page, after)
      : this.#due.inShards(now, page, after, filter);
  }

  #rows(text: string, ...values: readonly SqlParameter[]): Promise<readonly Row[]> {
    return this.#connections.read({ text, values, returns: true });
  }
}

function lookupSql(schema: string) {
  const filter = `destroyed_at IS NULL AND left(key, length($1::text)) = $1::text AND created_at > $2::bigint`;
  const actor = `FROM ${schema}.actor WHERE`;
  return {
    find: `SELECT ${recordColumns} ${actor} key_hash = $1 AND destroyed_at IS NULL AND name = $2 AND key = $3`,
    get: `SELECT ${recordColumns} ${actor} shard = $1 AND id = $2`,
    list: `SELECT ${recordColumns} ${actor} ${filter} AND id > $3`,
    count: `SELECT count(*) AS n ${actor} ${filter}`,
  };
}

/** Conditions on the name, whose parameters begin at `first`. */
function narrowed(
  name: string | undefined,
  namespaces: NamespaceFilter | undefined,
  first: number,
): { readonly sql: string; readonly values: readonly SqlParameter[] } {
  const conditions: string[] = [];
  const values: SqlParameter[] = [];
  const parameter = (value: SqlParameter): string => `$${first - 1 + values.push(value)}`;
  if (name !== undefined) conditions.push(`AND name = ${parameter(name)}`);
  const prefix = "left(name, greatest(strpos(name, ':') - 1, 0))";
  if (namespaces !== undefined && "only" in namespaces) {
    conditions.push(`AND ${prefix} = ${parameter(namespaces.only)}`);
  } else if (namespaces !== undefined) {
    conditions.push(`AND NOT (${prefix} = ANY (${parameter(namespaces.without)}::text[]))`);
  }
  return { sql: conditions.join(" "), values };
}

/** Bounds the page size, whatever the caller passes. */
function pageLimit(limit: number): number {
  return Math.max(0, Math.min(limit, postgresStoreLimits.maxPageSize));
}
