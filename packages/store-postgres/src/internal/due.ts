import type { ActorRecord, DueCursor, DueFilter } from "@holdfast/actors";
import type { Connections } from "./connection/connections.ts";
import type { SqlParameter } from "./connection/transaction-query.ts";
import { actorRecord, optionalInteger, recordColumns } from "./rows.ts";
import { leaseShard } from "./shards.ts";

/** A page of due actors, and the earliest wake-up time. */
export interface DuePage {
  readonly actors: readonly ActorRecord[];
  readonly nextAt?: number;
}

/** Finds due actors, of all shards or of some: one statement each. */
export class DueLookup {
  readonly #connections: Connections;
  readonly #shards: number;
  readonly #sql: ReturnType<typeof dueSql>;

  constructor(connections: Connections, schema: string, shards: number) {
    this.#connections = connections;
    this.#shards = shards;
    this.#sql = dueSql(schema, shards);
  }

  all(now: number, limit: number, after: DueCursor): Promise<DuePage> {
    return this.#page(this.#sql.all, [now, after.wakeAt, after.id, limit]);
  }

  inShards(now: number, limit: number, after: DueCursor, filter: DueFilter): Promise<DuePage> {
    if (filter.shardCount !== this.#shards) {
      throw new RangeError(`The store has ${this.#shards} shards, not ${filter.shardCount}`);
    }
    const position = [now, after.wakeAt, after.id, limit];
    const names = [...filter.names.keys()];
    if (names.length === 0) {
      if (filter.shards.length === 0) return Promise.resolve({ actors: [] });
      return this.#page(this.#sql.inShards, [...position, filter.shards]);
    }
    const shards = [...filter.shards];
    const scopes = shards.map(() => 0);
    for (const [at, name] of names.entries()) {
      for (const shard of filter.names.get(name) ?? []) {
        shards.push(shard);
        scopes.push(at + 1);
      }
    }
    if (shards.length === 0) return Promise.resolve({ actors: [] });
    const texts = [JSON.stringify(names), JSON.stringify(filter.namespaces)];
    return this.#page(this.#sql.inScopes, [...position, shards, scopes, ...texts]);
  }

  async #page(text: string, values: readonly SqlParameter[]): Promise<DuePage> {
    const rows = await this.#connections.read({ text, values, returns: true });
    const nextAt = optionalInteger(rows[0] ?? { next_at: null }, "next_at");
    const actors = rows.filter((row) => row["id"] !== null).map(actorRecord);
    return { actors, ...(nextAt === undefined ? {} : { nextAt }) };
  }
}

/** Each returns a row for every due actor, or one without an actor, all with the earliest wake-up time. */
function dueSql(schema: string, shards: number) {
  const columns = recordColumns
    .split(", ")
    .map((column) => `due.${column}`)
    .join(", ");
  const isAfter = "wake_at IS NOT NULL AND (wake_at, id) > ($2::bigint, $3::text)";
  const isOfShard = `${leaseShard(shards)} = held.shard AND ${isAfter}`;
  const bareName = `CASE WHEN jsonb_exists($8::jsonb, left(actor.name, greatest(strpos(actor.name, ':') - 1, 0)))
    THEN substr(actor.name, strpos(actor.name, ':') + 1) ELSE actor.name END`;
  // The names in $7 have leases of their own.
  const isOfScope = `${isOfShard} AND
    CASE WHEN held.name IS NULL THEN NOT jsonb_exists($7::jsonb, ${bareName}) ELSE ${bareName} = held.name END`;
  /** Looks at the first actor of each part, then reads from those in which it is due. */
  const ofParts = (parts: string, isOfPart: string): string => `WITH first AS MATERIALIZED (
        SELECT held.*, earliest.wake_at FROM ${parts} CROSS JOIN LATERAL (SELECT wake_at FROM ${schema}.actor
          WHERE ${isOfPart} ORDER BY wake_at, id LIMIT 1) AS earliest
      )
      SELECT earliest.next_at, ${columns}
      FROM (SELECT min(wake_at) AS next_at FROM first) earliest
      LEFT JOIN LATERAL (SELECT found.* FROM first AS held CROSS JOIN LATERAL (
          SELECT ${recordColumns} FROM ${schema}.actor
          WHERE ${isOfPart} AND actor.wake_at <= $1::bigint ORDER BY wake_at, id LIMIT $4::integer) AS found
        WHERE held.wake_at <= $1::bigint ORDER BY found.wake_at, found.id LIMIT $4::integer) due ON true
      ORDER BY due.wake_at, due.id`;
  return {
    all: `SELECT earliest.next_at, ${columns}
      FROM (SELECT (SELECT wake_at FROM ${schema}.actor WHERE ${isAfter} ORDER BY wake_at, id LIMIT 1) AS next_at) earliest
      LEFT JOIN LATERAL (SELECT ${recordColumns} FROM ${schema}.actor
        WHERE ${isAfter} AND wake_at <= $1::bigint ORDER BY wake_at, id LIMIT $4::integer) due ON true
      ORDER BY due.wake_at, due.id`,
    inShards: ofParts("unnest($5::integer[]) AS held(shard)", isOfShard),
    inScopes: ofParts(
      `(SELECT listed.shard, names.name FROM unnest($5::integer[], $6::integer[]) AS listed(shard, at)
        LEFT JOIN jsonb_array_elements_text($7::jsonb) WITH ORDINALITY AS names(name, at) USING (at)) AS held`,
      isOfScope,
    ),
  };
}
