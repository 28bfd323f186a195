/**
 * What many nodes cost the database, by simulation: the real membership of each node over one store in memory, in
 * virtual time. It counts the statements that keep leases, and how long shards take to be where they should be.
 */
import type { ClusterStore } from "@holdfast/actors";
import { type Ports, silentLogger, type Timer } from "@holdfast/core";
import { ClusterMember, ClusterMetrics } from "@holdfast/server";
import { MemoryClusterStore } from "@holdfast/testing";
import { ensure, type Scenario } from "../internal/scenario.ts";

/** Time that a statement takes, and a message between nodes, in milliseconds of virtual time. */
const statementMs = 2;
const messageMs = 1;
const timing = { ttlMs: 10_000, renewMs: 3_000, maxDriftMs: 1_000 };
const shards = 1_024;
/** Without a change of leases for longer than a session, all is where it should be. */
const quietMs = 15_000;

/** A clock that jumps to the next timer. */
class VirtualTime {
  now = 0;
  readonly #timers: { at: number; run: (() => void) | undefined }[] = [];

  after(delayMs: number, run: () => void): Timer {
    const timer: { at: number; run: (() => void) | undefined } = { at: this.now + Math.max(0, delayMs), run };
    // Mostly later than those that wait: the search from the end is short.
    let at = this.#timers.length;
    while (at > 0 && (this.#timers[at - 1]?.at ?? 0) > timer.at) at--;
    this.#timers.splice(at, 0, timer);
    return {
      cancel: () => {
        timer.run = undefined;
      },
    };
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Runs until `isDone`, or for `maxMs`; returns the time that it took, in milliseconds. */
  async run(maxMs: number, isDone: () => boolean = () => false): Promise<number> {
    const from = this.now;
    await new Promise((resolve) => setImmediate(resolve));
    while (!isDone()) {
      const next = this.#timers[0];
      if (next === undefined || next.at > from + maxMs) {
        this.now = from + maxMs;
        break;
      }
      this.#timers.shift();
      this.now = next.at;
      if (next.run === undefined) continue;
      next.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this.now - from;
  }
}

/** Statements by kind. */
interface Statements {
  renewals: number;
  reads: number;
  readBytes: number;
  writes: number;
}

/** Nodes over one store. */
class Fleet {
  readonly time = new VirtualTime();
  readonly statements: Statements = { renewals: 0, reads: 0, readBytes: 0, writes: 0 };
  readonly #store = new MemoryClusterStore(() => this.time.now, shards);
  readonly #members = new Map<string, ClusterMember>();
  /** Nodes that were killed: nothing of them reaches the store any more. */
  readonly #dead = new Set<string>();
  #changedAt = 0;

  /** Starts nodes, one in about a second. */
  async add(count: number): Promise<void> {
    for (let added = 0; added < count; added++) {
      let isJoined = false;
      void this.#start(`node-${this.#members.size}`).then(() => {
        isJoined = true;
      });
      await this.time.run(60_000, () => isJoined);
      ensure(isJoined, "a node could not join");
      await this.time.run(937);
    }
  }

  kill(): void {
    const [id] = [...this.#members.keys()].filter((each) => !this.#dead.has(each));
    ensure(id !== undefined, "no node lives");
    this.#dead.add(id);
  }

  drain(): void {
    const [member] = [...this.#members].filter(([id]) => !this.#dead.has(id)).map(([, each]) => each);
    void member?.drain(60_000);
  }

  /** Runs until all is quiet; returns the time from `since` to the last change of a lease, in milliseconds. */
  async settle(nodes: number, since: number): Promise<number> {
    await this.time.run(quietMs);
    while (this.time.now - this.#changedAt < quietMs) await this.time.run(quietMs);
    const { leases } = await this.#store.view();
    const held = leases.filter(({ id, shards }) => shards.length > 0 && !this.#dead.has(id));
    const sum = held.reduce((total, lease) => total + lease.shards.length, 0);
    ensure(sum === shards, `${shards - sum} shards have no holder`);
    ensure(held.length === nodes, `${held.length} of ${nodes} nodes hold shards`);
    return this.#changedAt - since;
  }

  /** What happened since the last call. */
  take(): Statements {
    const taken = { ...this.statements };
    Object.assign(this.statements, { renewals: 0, reads: 0, readBytes: 0, writes: 0 });
    return taken;
  }

  async #start(id: string): Promise<void> {
    const { time } = this;
    const ports: Ports = {
      clock: { now: () => time.now },
      random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
      log: silentLogger,
      tasks: { macrotask: (run) => time.after(0, run), after: (delayMs, run) => time.after(delayMs, run) },
    };
    const member: ClusterMember = new ClusterMember({
      store: { get: () => Promise.resolve(undefined), find: () => Promise.resolve(undefined) },
      leases: this.#leasesOf(id),
      ports,
      monotonic: () => time.now,
      wall: () => time.now,
      node: {
        id,
        address: `http://${id}:6421`,
        version: "0",
        weight: 1,
        zone: "",
        region: "",
        pools: [],
        serves: ["actor"],
      },
      timing,
      metrics: new ClusterMetrics(),
      timed: () => undefined,
      bareName: (name) => name,
      namespaces: [],
      moveConnections: () => Promise.resolve(),
      release: () => undefined,
      gained: () => undefined,
      retain: () => undefined,
      wakeups: {
        up: ["links"],
        tell: async (others, hint) => {
          await time.pause(messageMs);
          if (hint.kind !== "leases" || this.#dead.has(id)) return;
          const living = others.filter((other) => !this.#dead.has(other.id));
          await Promise.all(living.map((other) => this.#members.get(other.id)?.catchUp(hint.revision)));
        },
      },
    });
    this.#members.set(id, member);
    await member.start();
  }

  /** The store as one node sees it: statements take time, and are counted. */
  #leasesOf(id: string): ClusterStore {
    const store = this.#store;
    const ask = async <T>(kind: "renewals" | "reads" | "writes", perform: () => Promise<T>): Promise<T> => {
      if (this.#dead.has(id)) return new Promise(() => undefined);
      this.statements[kind]++;
      await this.time.pause(statementMs / 2);
      const result = await perform();
      if (kind === "writes") this.#changedAt = this.time.now;
      if (kind === "reads") this.statements.readBytes += JSON.stringify(result).length;
      await this.time.pause(statementMs / 2);
      return result;
    };
    return new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        const kind =
          name === "renew" ? "renewals" : name === "view" || name === "credentials" ? "reads" : "writes";
        return (...args: unknown[]) =>
          ask(kind, () => Reflect.apply(member, target, args) as Promise<unknown>);
      },
    });
  }
}

/** Statements and time until all shards were where they should be. */
interface Change extends Statements {
  readonly ms: number;
}

interface Row {
  readonly nodes: number;
  readonly idlePerSecond: number;
  readonly join: Change;
  readonly loss: Change;
  readonly drain: Change;
}

async function simulate(nodes: number): Promise<Row> {
  const fleet = new Fleet();
  await fleet.add(nodes - 1);
  await fleet.settle(nodes - 1, fleet.time.now);
  fleet.take();
  await fleet.time.run(60_000);
  const idle = fleet.take();
  const change = async (remaining: number, begin: () => Promise<void> | void): Promise<Change> => {
    const since = fleet.time.now;
    await begin();
    const ms = await fleet.settle(remaining, since);
    return { ms, ...fleet.take() };
  };
  const join = await change(nodes, () => fleet.add(1));
  const loss = await change(nodes - 1, () => fleet.kill());
  const drain = await change(nodes - 2, () => fleet.drain());
  return { nodes, idlePerSecond: (idle.renewals + idle.reads + idle.writes) / 60, join, loss, drain };
}

const sizes = [3, 10, 100];

export const scale: Scenario = {
  name: "scale",
  timeoutMs: 600_000,
  run: async () => {
    const rows: Row[] = [];
    for (const nodes of sizes) rows.push(await simulate(nodes));
    const last = rows.at(-1);
    ensure(last !== undefined, "nothing was simulated");
    const change = (name: "join" | "loss" | "drain", row: Row): string => {
      const { ms, reads, readBytes, writes } = row[name];
      return `${name} ${Math.round(ms)} ms, ${writes} writes, ${reads} reads of ${Math.round(readBytes / Math.max(1, reads) / 1_024)} KiB`;
    };
    return {
      figures: rows.map((row) => ({
        name: `${row.nodes} nodes, statements of leases`,
        value: row.idlePerSecond,
        unit: "/s" as const,
        own: true as const,
        detail: (["join", "loss", "drain"] as const).map((name) => change(name, row)).join("; "),
      })),
      floors: [
        {
          name: "statements an idle node",
          value: last.idlePerSecond / last.nodes,
          limit: 0.4,
          unit: "/s",
          better: "less",
        },
        { name: "a join of 100 nodes", value: last.join.ms, limit: 5_000, unit: "ms", better: "less" },
        { name: "a loss of 100 nodes", value: last.loss.ms, limit: 12_000, unit: "ms", better: "less" },
      ],
      samples: rows,
    };
  },
};
