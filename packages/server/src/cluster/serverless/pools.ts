import type { ActorStore, DueFilter, NodeRecord } from "@holdfast/actors";
import { isErrorCode, type Ports, type Timer } from "@holdfast/core";
import { Alarms } from "../../directory/alarms.ts";
import { defaultPool, inWords, type Place, parsePlace } from "../place.ts";
import { createDueFilter } from "../shards.ts";
import type { ServerlessPoolOptions } from "./options.ts";
import { type PoolHost, ServerlessPool, startFailed } from "./pool.ts";
import type { Starter } from "./starter.ts";

export interface PoolsHost extends PoolHost {
  readonly ports: Ports;
  readonly store: Pick<ActorStore, "due">;
  readonly shards: number;
  /** Prefixes that `bareName` removes. */
  readonly namespaces: readonly string[];
  bareName(name: string): string;
  /** True if a running node takes actors with this name and place. */
  isTaken(name: string, place: Place | undefined): boolean;
  /** The nodes with a session. */
  nodes(): readonly NodeRecord[];
  /** Reads the leases again. Throws errors of the store. */
  refresh(): Promise<void>;
  /** Maximum time between two looks for due actors, in milliseconds. */
  alarmPollMs(): number;
}

/** Pause after the actors of a pool could not be read, in milliseconds. */
const retryMs = 10_000;

/** The serverless pools that this node starts: for requests, and for sleeping actors that are due. */
export class ServerlessPools implements Starter {
  readonly #pools: ReadonlyMap<string, ServerlessPool>;
  readonly #host: PoolsHost;
  readonly #alarms: Alarms;
  readonly #retries = new Set<Timer>();
  #isClosed = false;

  constructor(options: readonly ServerlessPoolOptions[], host: PoolsHost) {
    this.#host = host;
    this.#pools = new Map(
      options.map((each) => {
        const pool = new ServerlessPool(each, host);
        return [pool.name, pool];
      }),
    );
    this.#alarms = new Alarms({
      ...{ store: host.store, ports: host.ports },
      // Whoever has it in memory takes it.
      isAwake: () => false,
      filter: () => this.#dueFilter(),
      isHere: ({ name, place }) => {
        const parsed = place === undefined ? undefined : parsePlace(place);
        return this.#poolOf(parsed) !== undefined && !host.isTaken(name, parsed);
      },
      pollMs: () => host.alarmPollMs(),
      wake: async ({ name, place }) => {
        await this.start(name, place === undefined ? undefined : parsePlace(place));
      },
    });
  }

  get waitMs(): number {
    return Math.max(...[...this.#pools.values()].map((pool) => pool.startTimeoutMs));
  }

  /** Begins to look for due actors whose nodes are all gone. */
  begin(): void {
    for (const pool of this.#pools.values()) this.#learn(pool);
    this.#alarms.start();
  }

  async start(name: string, place: Place | undefined): Promise<boolean> {
    const { isTaken, refresh, nodes, bareName } = this.#host;
    const pool = this.#poolOf(place);
    if (pool === undefined || !(await pool.has(bareName(name)))) return false;
    if (isTaken(name, place)) return true;
    if (pool.runningIn(nodes()) === undefined) {
      await pool.start();
      await refresh();
    }
    const running = pool.runningIn(nodes());
    if (running !== undefined && !isTaken(name, place)) {
      const reason = `the node "${running}", which was started, does not serve actors of "${bareName(name)}"${inWords(place ?? {})}`;
      throw startFailed(pool.name, pool.url, new Error(reason));
    }
    return true;
  }

  /** Another node has a request for such an actor. */
  async wanted(name: string, place: string | undefined): Promise<void> {
    const { ports, refresh } = this.#host;
    try {
      await refresh();
      const parsed = place === undefined ? undefined : parsePlace(place);
      if (!this.#host.isTaken(name, parsed)) await this.start(name, parsed);
    } catch (error) {
      // The pool has said so.
      if (!isErrorCode(error, "cluster", "start_failed")) {
        ports.log.warn("a serverless node that another node asked for could not be started", { error });
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#retries) timer.cancel();
    await this.#alarms.stop();
    for (const pool of this.#pools.values()) pool.close();
  }

  #poolOf(place: Place | undefined): ServerlessPool | undefined {
    return this.#pools.get(place?.pool ?? defaultPool);
  }

  /** Reads the names of the pool's actors, which due ones are looked for by. */
  #learn(pool: ServerlessPool): void {
    void pool.learn().then((hasLearned) => {
      if (hasLearned) return this.#alarms.look();
      if (this.#isClosed) return;
      const timer = this.#host.ports.tasks.after(retryMs, () => {
        this.#retries.delete(timer);
        this.#learn(pool);
      });
      this.#retries.add(timer);
    });
  }

  /** Selects the actors of the pools whose nodes are all gone. */
  #dueFilter(): DueFilter {
    const { shards: shardCount, namespaces, isTaken } = this.#host;
    const all = Array.from({ length: shardCount }, (_, shard) => shard);
    const names = new Map<string, readonly number[]>();
    for (const pool of this.#pools.values()) {
      const place = pool.name === defaultPool ? undefined : { pool: pool.name };
      for (const name of pool.actors) if (!isTaken(name, place)) names.set(name, all);
    }
    return createDueFilter({ shardCount, namespaces, shards: [], names });
  }
}
