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
  done: boolean;
}

/**
 * The output gate. Turns are handed to the store in order, without waiting for the one before; each
 * output leaves when all turns before it are durable, in the order in which outputs were made.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #flights: Flight[] = [];
  #version: number;
  #releasing = false;
  /** What outputs are told that come too late: nothing is committed any more. */
  #failure: HoldfastError | undefined;
  #failed = false;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
    this.#version = options.version;
  }

  /** True when nothing waits for the store. */
  get settled(): boolean {
    return this.#flights.length === 0;
  }

  /** Ends the open turn: hands what changed to the store. */
  close(): void {
    if (this.#failure !== undefined) return;
    const { store, actorId, epoch, nonce, collect } = this.#options;
    const version = this.#version + 1;
    try {
      const changes = collect(version);
      if (changes === undefined) return;
      this.#version = version;
      const flight: Flight = { version, outputs: [], done: false };
      this.#flights.push(flight);
      store.commit({ ...changes, actorId, epoch, version, commitId: `${nonce}.${version}` }).then(
        () => this.#land(flight),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      // What could not be handed over cannot be made up for: memory and store would differ.
      this.fail(error);
    }
  }

  /** Ends the open turn and lets `output` leave once everything before it is durable. */
  after(output: Output): void {
    this.close();
    if (this.#failure !== undefined) return output.drop(this.#failure);
    const last = this.#flights.at(-1);
    if (last === undefined) output.release();
    else last.outputs.push(output);
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
    for (const flight of this.#flights.splice(0)) {
      for (const output of flight.outputs.splice(0)) output.drop(failure);
    }
  }

  #land(flight: Flight): void {
    flight.done = true;
    if (this.#failed || this.#releasing) return;
    this.#releasing = true;
    for (let head = this.#flights[0]; head?.done; head = this.#flights[0]) {
      this.#options.landed(head.version);
      // An output may make others: they join this list as long as no later turn is under way.
      for (let output = head.outputs.shift(); output !== undefined; output = head.outputs.shift()) {
        output.release();
      }
      if (this.#flights[0] === head) this.#flights.shift();
    }
    this.#releasing = false;
  }
}
