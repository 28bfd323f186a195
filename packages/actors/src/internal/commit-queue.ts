import type { HoldfastError } from "@holdfast/core";
import type { ActorStore, CommitBatch } from "../store.ts";

/** Something that leaves the actor. Exactly one of the two is called, once; neither may throw. */
export interface Output {
  release(): void;
  /** The commit before it has failed: it must not leave. */
  drop(error: HoldfastError): void;
}

/** What a turn changed: a batch without its identity. */
export type Changes = Omit<CommitBatch, "actorId" | "epoch" | "version" | "commitId">;

export interface CommitQueueOptions {
  readonly store: ActorStore;
  readonly actorId: string;
  readonly epoch: number;
  /** The version that the store has now. */
  readonly version: number;
  /** Unique to this instance; commit ids are made of it. */
  readonly nonce: string;
  /** Takes what changed since the last call; undefined when nothing did. */
  collect(version: number): Changes | undefined;
  /** The changes of this version are durable. */
  landed(version: number): void;
  /** A commit has failed; nothing is committed any more. Returns what dependents are told. */
  failed(error: unknown): HoldfastError;
}

/** A commit on its way, and the outputs that wait for it. */
interface Flight {
  readonly version: number;
  readonly outputs: Output[];
}

/**
 * The output gate. One commit of an actor is on its way at a time; the turns that close meanwhile
 * share the next one, which is handed to the store as soon as the first has landed: nothing waits
 * longer for it, since the store syncs one group after the other. Each output leaves when all turns
 * before it are durable, in the order in which outputs were made.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #flight: Flight | undefined;
  /** Outputs of the turns that closed since the flight began; present when there was one. */
  #next: Output[] | undefined;
  /** Outputs that leave now, with nothing to wait for. */
  #leaving: Output[] | undefined;
  #version: number;
  /** What outputs are told that come too late: nothing is committed any more. */
  #failure: HoldfastError | undefined;
  #failed = false;
  #holds = 0;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
    this.#version = options.version;
  }

  /** Ends the open turn: what changed goes to the store, now or with the next commit. */
  close(): void {
    if (this.#failure !== undefined) return;
    if (this.#flight === undefined && this.#holds === 0) this.#leave(this.#handIn([]));
    else this.#next ??= [];
  }

  /**
   * Hands nothing to the store until the returned function is called: what changes meanwhile is one
   * turn, and every output waits for it. What changed before the call may become part of it.
   */
  hold(): () => void {
    this.close();
    let held = true;
    this.#holds++;
    return () => {
      if (!held) return;
      held = false;
      this.#holds--;
      if (this.#holds === 0 && this.#flight === undefined) this.#takeNext();
    };
  }

  /** Ends the open turn and lets `output` leave once everything before it is durable. */
  after(output: Output): void {
    this.close();
    if (this.#failure !== undefined) return output.drop(this.#failure);
    const waiting = this.#next ?? this.#flight?.outputs ?? this.#leaving;
    if (waiting === undefined) output.release();
    else waiting.push(output);
  }

  /** As {@link after}, as a promise. */
  gate(): Promise<void> {
    return new Promise((resolve, reject) => this.after({ release: resolve, drop: reject }));
  }

  /** Ends the open turn, the last one: from now on nothing is committed and nothing leaves. */
  finish(told: HoldfastError): Promise<void> {
    const durable = this.gate();
    this.#failure ??= told;
    return durable;
  }

  /** Gives up: drops every waiting output. Idempotent. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    const failure = this.#options.failed(error);
    this.#failure = failure;
    const waiting = [...(this.#flight?.outputs ?? []), ...(this.#next ?? [])];
    this.#flight = undefined;
    this.#next = undefined;
    for (const output of waiting) output.drop(failure);
  }

  /** Hands what changed to the store, with the outputs that wait for it; returns them when nothing changed. */
  #handIn(outputs: Output[]): Output[] {
    const { store, actorId, epoch, nonce, collect } = this.#options;
    const version = this.#version + 1;
    try {
      const changes = collect(version);
      if (changes === undefined) return outputs;
      this.#version = version;
      const flight: Flight = { version, outputs };
      this.#flight = flight;
      store.commit({ ...changes, actorId, epoch, version, commitId: `${nonce}.${version}` }).then(
        () => this.#land(flight),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      // What could not be handed over cannot be made up for: memory and store would differ.
      this.#flight ??= { version, outputs };
      this.fail(error);
    }
    return [];
  }

  #leave(outputs: Output[]): void {
    if (outputs.length === 0) return;
    if (this.#leaving !== undefined) {
      this.#leaving.push(...outputs);
      return;
    }
    this.#leaving = outputs;
    // An output may make others: they join the list as long as no later turn is under way.
    for (let output = outputs.shift(); output !== undefined; output = outputs.shift()) output.release();
    this.#leaving = undefined;
  }

  #land(flight: Flight): void {
    if (this.#failed) return;
    this.#options.landed(flight.version);
    this.#flight = undefined;
    this.#takeNext(flight.outputs);
  }

  #takeNext(outputs: readonly Output[] = []): void {
    const next = this.#holds > 0 ? undefined : this.#next;
    if (next !== undefined) this.#next = undefined;
    // The store gets its next work before anything leaves, so that it is not idle meanwhile.
    const unchanged = next === undefined || this.#failed ? [] : this.#handIn(next);
    this.#leave([...outputs, ...unchanged]);
  }
}
