import type {
  ActorPage,
  ActorRecord,
  DueCursor,
  DueFilter,
  ListFilter,
  ListQuery,
  NamespaceFilter,
} from "@holdfast/actors";
import type { ActorKey } from "@holdfast/core";
import { redisStoreLimits as limits } from "../limits.ts";
import type { Argument } from "./command.ts";
import type { Connections } from "./connection/connections.ts";
import { addressHash } from "./keys.ts";
import { actorRecord, identified, integer, list, text } from "./rows.ts";
import { countScript, dueScript, findScript, getScript, listScript } from "./scripts/lookup.ts";

interface DuePage {
  readonly actors: readonly ActorRecord[];
  readonly nextAt?: number;
}

/** Finds actors by key, id and wake-up time, and lists them. */
export class Lookup {
  readonly #connections: Connections;
  readonly #prefix: string;

  constructor(connections: Connections, prefix: string) {
    this.#connections = connections;
    this.#prefix = prefix;
  }

  async find(name: string, key: ActorKey): Promise<ActorRecord | undefined> {
    const reply = await this.#connections.run(findScript, this.#prefix, addressHash(name, key));
    return reply === null ? undefined : identified(reply);
  }

  async get(id: string): Promise<ActorRecord | undefined> {
    return actorRecord(id, list(await this.#connections.run(getScript, this.#prefix, id)));
  }

  async list(query: ListQuery): Promise<ActorPage> {
    const page = pageLimit(query.limit);
    const actors: ActorRecord[] = [];
    let after = query.cursor ?? "";
    // One more than the page tells whether there is another.
    while (actors.length <= page) {
      const wanted = page + 1 - actors.length;
      const args = [this.#ids(query), after, wanted, limits.maxRowsPerScript, ...filterArguments(query)];
      const [last, found] = list(await this.#connections.run(listScript, this.#prefix, ...args));
      for (const row of list(found)) {
        const record = identified(row);
        if (record !== undefined) actors.push(record);
      }
      after = text(last);
      if (after === "") return { actors };
    }
    const whole = actors.slice(0, page);
    const last = whole.at(-1);
    return { actors: whole, ...(last === undefined ? {} : { cursor: last.id }) };
  }

  async count(filter: ListFilter): Promise<number> {
    const { namespaces, keyPrefix = "", createdAfter } = filter;
    const isWhole = namespaces === undefined && keyPrefix === "" && createdAfter === undefined;
    if (isWhole) return integer(await this.#connections.command("ZCARD", this.#ids(filter)));
    let count = 0;
    let after = "";
    do {
      const args = [this.#ids(filter), after, limits.maxRowsPerScript, ...filterArguments(filter)];
      const [last, n] = list(await this.#connections.run(countScript, this.#prefix, ...args));
      count += integer(n);
      after = text(last);
    } while (after !== "");
    return count;
  }

  /** The index that has the ids in order. */
  #ids({ name }: ListFilter): string {
    return name === undefined ? `${this.#prefix}ids` : `${this.#prefix}named:${name}`;
  }

  /**
   * Wake-ups are in one index, and the shard of each follows from its id. What a node does not hold is passed over.
   * Where names have leases of their own, the rows tell which are selected. Past the due ones the look ends after
   * some rows; then the time to ask again is that of the last row, which is not too late.
   */
  async due(
    now: number,
    limit: number,
    after: DueCursor = { wakeAt: Number.MIN_SAFE_INTEGER, id: "" },
    filter?: DueFilter,
  ): Promise<DuePage> {
    const page = pageLimit(limit);
    const held = filter === undefined ? "" : heldShards(filter);
    if (filter !== undefined && !held.includes("1")) return { actors: [] };
    const isByName = filter !== undefined && filter.names.size > 0;
    const actors: ActorRecord[] = [];
    let [wake, id] = [String(after.wakeAt), after.id];
    for (;;) {
      const position = [wake, id, held];
      // At least one, so that the first time is known.
      const wanted = isByName ? limits.maxPageSize : Math.max(1, page - actors.length);
      const args = [now, wanted, limits.maxRowsPerScript, isByName ? 1 : 0, ...position];
      const [rows, next, last, lastId] = list(await this.#connections.run(dueScript, this.#prefix, ...args));
      for (const row of list(rows)) {
        const record = identified(row);
        if (record?.wakeAt === undefined || filter?.selects(record) === false) continue;
        if (record.wakeAt > now) return duePage(actors, record.wakeAt, page);
        actors.push(record);
      }
      [wake, id] = [text(last), text(lastId)];
      const isPastNow = wake !== "" && Number(wake) > now;
      if (actors.length >= Math.max(1, page) || wake === "" || isPastNow) {
        return duePage(
          actors,
          text(next) === "" ? (isPastNow ? Number(wake) : undefined) : integer(next),
          page,
        );
      }
    }
  }
}

/** The first wake-up of all is that of the first actor, if one is due. */
function duePage(actors: readonly ActorRecord[], following: number | undefined, page: number): DuePage {
  const nextAt = actors[0]?.wakeAt ?? following;
  return { actors: actors.slice(0, page), ...(nextAt === undefined ? {} : { nextAt }) };
}

/** A character for each shard: "1" if some actor in it may be selected. */
function heldShards({ shardCount, shards, names }: DueFilter): string {
  const held = new Set([...shards, ...[...names.values()].flat()]);
  return Array.from({ length: shardCount }, (_, shard) => (held.has(shard) ? "1" : "0")).join("");
}

function filterArguments({ keyPrefix = "", createdAfter, namespaces }: ListFilter): readonly Argument[] {
  return [keyPrefix, createdAfter ?? -1, ...namespaceArguments(namespaces)];
}

function namespaceArguments(namespaces: NamespaceFilter | undefined): readonly Argument[] {
  if (namespaces === undefined) return ["", 0];
  if ("only" in namespaces) return ["only", 1, namespaces.only];
  return ["without", namespaces.without.length, ...namespaces.without];
}

/** Bounds the page size, whatever the caller passes. */
function pageLimit(limit: number): number {
  return Math.max(0, Math.min(limit, limits.maxPageSize));
}
