import type { ActorRecord, DueCursor, DueFilter } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import { postgresStoreLimits as limits } from "../../limits.ts";
import type { DuePage } from "../due.ts";
import type { GuardedDatabase } from "./guarded-database.ts";
import type { ShardRanges } from "./shard-ranges.ts";

interface Part {
  readonly database: GuardedDatabase;
  readonly filter: DueFilter | undefined;
}

/**
 * Due actors of all databases in one order. A database that does not answer within `dueWaitMs` keeps nobody waiting: the
 * page has the actors of the others, and a time at which to look again.
 */
export class MergedDue {
  readonly #databases: readonly GuardedDatabase[];
  readonly #ranges: ShardRanges;
  readonly #ports: Ports;
  /** Databases that have not answered an earlier look. */
  readonly #late = new Set<GuardedDatabase>();

  constructor(databases: readonly GuardedDatabase[], ranges: ShardRanges, ports: Ports) {
    this.#databases = databases;
    this.#ranges = ranges;
    this.#ports = ports;
  }

  /** Throws the error of a database if all fail. */
  async read(
    now: number,
    limit: number,
    after: DueCursor | undefined,
    filter: DueFilter | undefined,
  ): Promise<DuePage> {
    const parts = this.#parts(filter);
    if (parts.length === 0) return { actors: [] };
    const asked = parts.filter(({ database }) => !this.#late.has(database));
    const pages = await this.#pages(asked, (part) =>
      part.database.read((store) => store.due(now, limit, after, part.filter)),
    );
    const isComplete = pages.length === parts.length;
    const times = pages.flatMap(({ nextAt }) => (nextAt === undefined ? [] : [nextAt]));
    if (!isComplete) times.push(now + limits.dueRetryMs);
    const actors = pages.flatMap((page) => page.actors).sort(inOrder);
    return {
      actors: actors.slice(0, Math.max(0, limit)),
      ...(times.length === 0 ? {} : { nextAt: Math.min(...times) }),
    };
  }

  /** The databases that have some of the shards, each with its own of these. */
  #parts(filter: DueFilter | undefined): readonly Part[] {
    if (filter === undefined) return this.#databases.map((database) => ({ database, filter }));
    return this.#databases.flatMap((database, at) => {
      const own = (shards: readonly number[]) => shards.filter((shard) => this.#ranges.ofShard(shard) === at);
      const shards = own(filter.shards);
      const names = new Map([...filter.names].map(([name, all]) => [name, own(all)]));
      const isEmpty = shards.length === 0 && [...names.values()].every(({ length }) => length === 0);
      return isEmpty ? [] : [{ database, filter: { ...filter, shards, names } }];
    });
  }

  /** The pages that arrive in time; at least one, unless all fail. */
  async #pages(parts: readonly Part[], ask: (part: Part) => Promise<DuePage>): Promise<readonly DuePage[]> {
    const pages: DuePage[] = [];
    const open = new Set<GuardedDatabase>();
    const asked = parts.map(async (part) => {
      open.add(part.database);
      try {
        pages.push(await ask(part));
      } finally {
        open.delete(part.database);
        this.#late.delete(part.database);
      }
    });
    const settled = Promise.allSettled(asked);
    const inTime = Promise.withResolvers<void>();
    const timer = this.#ports.tasks.after(limits.dueWaitMs, inTime.resolve);
    await Promise.race([settled, inTime.promise]);
    timer.cancel();
    if (pages.length === 0 && parts.length > 0) {
      await Promise.any(asked).catch(async () => {
        const [failed] = await settled;
        throw failed?.status === "rejected" ? failed.reason : new Error("No database has answered");
      });
    }
    for (const database of open) this.#late.add(database);
    // What arrives from now on belongs to no page.
    return [...pages];
  }
}

function inOrder(a: ActorRecord, b: ActorRecord): number {
  const difference = (a.wakeAt ?? 0) - (b.wakeAt ?? 0);
  return difference !== 0 ? difference : a.id < b.id ? -1 : 1;
}
