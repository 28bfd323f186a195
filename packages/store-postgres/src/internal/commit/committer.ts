import type { CommitBatch } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { RetryLimits } from "../connection/backoff.ts";
import type { Connection } from "../connection/connection.ts";
import type { Connections } from "../connection/connections.ts";
import { busy, closed } from "../errors.ts";
import { recordColumns } from "../rows.ts";
import { keyHash, shardOf } from "../shards.ts";
import { ActorTurns, type TurnsHost } from "./actor-turns.ts";
import { type ChangedPages, sizeOf, type TurnStatements } from "./statements.ts";
import { type CommittedRow, committedRow, type Turn } from "./turn.ts";

export interface CommitterOptions {
  readonly ports: Ports;
  readonly connections: Connections;
  readonly statements: TurnStatements;
  readonly schema: string;
  readonly shards: number;
  readonly retry: RetryLimits;
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
}

/** Commits the turns of all actors. */
export class Committer implements TurnsHost {
  readonly ports: Ports;
  readonly retry: RetryLimits;
  readonly counters = { commits: 0, retries: 0, settled: 0 };
  readonly #options: CommitterOptions;
  readonly #settleSql: string;
  readonly #actors = new Map<string, ActorTurns>();
  #waiting = 0;
  #waitingBytes = 0;
  #isClosed = false;
  #onDrained: (() => void)[] = [];

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.ports = options.ports;
    this.retry = options.retry;
    this.#settleSql = `SELECT ${recordColumns}, last_commit, snapshot_version
      FROM ${options.schema}.actor WHERE shard = $1 AND id = $2`;
  }

  get waiting(): { readonly commits: number; readonly bytes: number } {
    return { commits: this.#waiting, bytes: this.#waitingBytes };
  }

  /** Throws `store.closed`, or `store.unavailable` when too many commits wait. */
  assertAccepting(): void {
    if (this.#isClosed) throw closed();
    const { maxWaiting, maxWaitingBytes } = this.#options;
    if (this.#waiting >= maxWaiting || this.#waitingBytes >= maxWaitingBytes) throw busy();
  }

  /** Commits a turn with its changed pages. Sends it synchronously, so that turns keep their order. */
  commit(batch: CommitBatch, pages?: ChangedPages): Promise<void> {
    const { statements, shards } = this.#options;
    const size = sizeOf(batch, pages);
    const shard = shardOf(batch.actorId, shards);
    this.#waiting += 1;
    this.#waitingBytes += size;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn: Turn = {
      batch,
      statements: statements.turn(shard, batch, this.ports.clock.now(), pages),
      ...{ size, resolve, reject, isUncertain: false, isFenced: false },
    };
    this.#turnsOf(batch.actorId).add(turn, promise);
    return promise.finally(() => this.#ended(size));
  }

  #turnsOf(id: string): ActorTurns {
    const known = this.#actors.get(id);
    if (known !== undefined) return known;
    const turns = new ActorTurns(id, this);
    this.#actors.set(id, turns);
    return turns;
  }

  #ended(size: number): void {
    this.#waiting -= 1;
    this.#waitingBytes -= size;
    if (this.#waiting > 0) return;
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }

  /** Resolves when all submitted turns of this actor have settled. Reads after it see them. */
  async settled(id: string): Promise<void> {
    if (this.#isClosed) throw closed();
    await this.#actors.get(id)?.settled();
  }

  connection({ batch }: Turn): Connection {
    const { create } = batch;
    return this.#options.connections.turn(create && keyHash(create.name, create.key));
  }

  async readRow(actorId: string): Promise<CommittedRow | undefined> {
    const { connections, shards } = this.#options;
    const values = [shardOf(actorId, shards), actorId];
    const [row] = await connections.read({ text: this.#settleSql, values, returns: true });
    return row && committedRow(row);
  }

  removeIdle(actorId: string): void {
    this.#actors.delete(actorId);
  }

  count(what: "commits" | "retries" | "settled"): void {
    this.counters[what] += 1;
  }

  /** Refuses further commits and resolves when all waiting ones have settled. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#waiting > 0) await new Promise<void>((resolve) => this.#onDrained.push(resolve));
  }
}
