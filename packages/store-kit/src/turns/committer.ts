import type { CommitBatch } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { RetryLimits } from "../backoff.ts";
import { busy, closed, type Failure } from "../errors.ts";
import { ActorTurns, type TurnChannel, type TurnsHost } from "./actor-turns.ts";
import { type ChangedPages, sizeOf } from "./batch.ts";
import type { CommittedRow, Turn } from "./turn.ts";

export type { TurnChannel } from "./actor-turns.ts";

/** The server to which turns are sent. */
export interface TurnServer<Work> {
  work(batch: CommitBatch, now: number, pages: ChangedPages | undefined): Work;
  channel(batch: CommitBatch): TurnChannel<Work>;
  /** Reads the actor's row as of all earlier commits. */
  readRow(actorId: string): Promise<CommittedRow | undefined>;
  failureOf(error: unknown): Failure;
  /** The typed error of a turn that changed nothing. */
  mapError(error: unknown): unknown;
  unavailable(cause: unknown): Error;
}

export interface CommitterOptions<Work> {
  readonly ports: Ports;
  readonly server: TurnServer<Work>;
  readonly retry: RetryLimits;
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
}

/** Commits the turns of all actors. */
export class Committer<Work> implements TurnsHost<Work> {
  readonly ports: Ports;
  readonly retry: RetryLimits;
  readonly counters = { commits: 0, retries: 0, settled: 0 };
  readonly #options: CommitterOptions<Work>;
  readonly #actors = new Map<string, ActorTurns<Work>>();
  #waiting = 0;
  #waitingBytes = 0;
  #isClosed = false;
  #onDrained: (() => void)[] = [];

  constructor(options: CommitterOptions<Work>) {
    this.#options = options;
    this.ports = options.ports;
    this.retry = options.retry;
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
    const size = sizeOf(batch, pages);
    this.#waiting += 1;
    this.#waitingBytes += size;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn: Turn<Work> = {
      batch,
      work: this.#options.server.work(batch, this.ports.clock.now(), pages),
      ...{ size, resolve, reject, isUncertain: false, isFenced: false },
    };
    this.#turnsOf(batch.actorId).add(turn, promise);
    return promise.finally(() => this.#ended(size));
  }

  #turnsOf(id: string): ActorTurns<Work> {
    const known = this.#actors.get(id);
    if (known !== undefined) return known;
    const turns = new ActorTurns<Work>(id, this);
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

  channel({ batch }: Turn<Work>): TurnChannel<Work> {
    return this.#options.server.channel(batch);
  }

  readRow(actorId: string): Promise<CommittedRow | undefined> {
    return this.#options.server.readRow(actorId);
  }

  failureOf(error: unknown): Failure {
    return this.#options.server.failureOf(error);
  }

  mapError(error: unknown): unknown {
    return this.#options.server.mapError(error);
  }

  unavailable(cause: unknown): Error {
    return this.#options.server.unavailable(cause);
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
