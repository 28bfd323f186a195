import type { ActorPage, ActorRecord, DueCursor, ListFilter, ListQuery } from "@holdfast/actors";
import { type ActorKey, encodeKey } from "@holdfast/core";
import { postgresStoreLimits } from "../limits.ts";
import type { Connections } from "./connection/connections.ts";
import type { SqlParameter } from "./connection/transaction-query.ts";
import { actorRecord, integer, type Row, recordColumns } from "./rows.ts";
import { keyHash, shardOf } from "./shards.ts";

/** Finds actors by key, id and wake-up time, and lists them. All data read is durable. */
export class Lookup {
  readonly #connections: Connections;
  readonly #shards: number;
  readonly #sql;

  constructor(connections: Connections, schema: string, shards: number) {
    this.#connections = connections;
    this.#shards = shards;
    this.#sql = lookupSql(schema);
  }

  async find(name: string, key: ActorKey): Promise<ActorRecord | undefined> {
    const [row] = await this.#rows(this.#sql.find, keyHash(name, key), name, encodeKey(key));
    return row && actorRecord(row);
  }

  async get(id: string): Promise<ActorRecord | undefined> {
    const [row] = await this.#rows(this.#sql.get, shardOf(id, this.#shards), id);
    return row && actorRecord(row);
  }

  async list({ name, keyPrefix, createdAfter, limit, cursor }: ListQuery): Promise<ActorPage> {
    const page = pageLimit(limit);
    const filter = [keyPrefix ?? "", createdAfter ?? -1, cursor ?? "", page + 1];
    const rows =
      name === undefined
        ? await this.#rows(this.#sql.list, ...filter)
        : await this.#rows(this.#sql.listName, ...filter, name);
    const actors = rows.slice(0, page).map(actorRecord);
    const last = actors.at(-1);
    return { actors, ...(rows.length > page && last !== undefined ? { cursor: last.id } : {}) };
  }

  async count({ name, keyPrefix = "", createdAfter = -1 }: ListFilter): Promise<number> {
    const [row] =
      name === undefined
        ? await this.#rows(this.#sql.count, keyPrefix, createdAfter)
        : await this.#rows(this.#sql.countName, keyPrefix, createdAfter, name);
    return integer(row ?? {}, "n");
  }

  async due(
    now: number,
    limit: number,
    after: DueCursor = { wakeAt: Number.MIN_SAFE_INTEGER, id: "" },
  ): Promise<{ readonly actors: readonly ActorRecord[]; readonly nextAt?: number }> {
    const position = [after.wakeAt, after.id];
    const [due = [], next = []] = await this.#connections.readEach([
      [{ text: this.#sql.due, values: [now, ...position, pageLimit(limit)], returns: true }],
      [{ text: this.#sql.nextWake, values: position, returns: true }],
    ]);
    const [first] = next;
    return {
      actors: due.map(actorRecord),
      ...(first === undefined ? {} : { nextAt: integer(first, "wake_at") }),
    };
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
    list: `SELECT ${recordColumns} ${actor} ${filter} AND id > $3 ORDER BY id LIMIT $4::integer`,
    listName: `SELECT ${recordColumns} ${actor} ${filter} AND id > $3 AND name = $5 ORDER BY id LIMIT $4::integer`,
    count: `SELECT count(*) AS n ${actor} ${filter}`,
    countName: `SELECT count(*) AS n ${actor} ${filter} AND name = $3`,
    due: `SELECT ${recordColumns} ${actor} wake_at IS NOT NULL AND wake_at <= $1::bigint
      AND (wake_at, id) > ($2::bigint, $3::text) ORDER BY wake_at, id LIMIT $4::integer`,
    nextWake: `SELECT wake_at ${actor} wake_at IS NOT NULL AND (wake_at, id) > ($1::bigint, $2::text)
      ORDER BY wake_at, id LIMIT 1`,
  };
}

/** Bounds the page size, whatever the caller passes. */
function pageLimit(limit: number): number {
  return Math.max(0, Math.min(limit, postgresStoreLimits.maxPageSize));
}
