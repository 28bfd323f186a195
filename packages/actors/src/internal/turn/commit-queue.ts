/** A turn and its commit: state, commit queue, call ledger, transactions and their lock. */
import { HoldfastError, isErrorCode, type Ports, type Timer } from "@holdfast/core";
import type { ActorStore, CommitBatch } from "../../ports/store.ts";

/** How many macrotasks a commit waits at most for further turns, each of which has to bring some. */
const maxGatherRounds = 16;

/** How many commits of an actor may be on their way: the second is served while the first is synced. */
const maxFlights = 2;

/**
 * Something that leaves the actor. Exactly one of the two is called, once. What one throws is for the log: it
 * is no business of the others, which wait behind it.
 */
export interface Output {
  release(): void;
  /** The commit before it failed; the output must not leave. */
  drop(error: HoldfastError): void;
  /** Discarded when the transaction that produced it is rolled back. */
  readonly undoable?: boolean;
}

/** Ends the hold of a transaction. Exactly one of the two methods is called, once. */
export interface HeldTurn {
  commit(): void;
  /** Rolled back: undoable outputs are dropped with `error`. */
  revert(error: HoldfastError): void;
}

/** What a turn changed: a batch without its identity. */
export type Changes = Omit<CommitBatch, "actorId" | "epoch" | "version" | "commitId">;

/** Where the changes to commit come from. */
export interface CommitSource {
  /** Of the actor. */
  readonly id: string;
  readonly host: { readonly store: ActorStore; readonly ports: Ports };
  /** Whether a commit may be handed in before the one before it has landed. */
  readonly overlaps: boolean;
  /** Whether there is something to take. */
  hasChanged(): boolean;
  /** Takes what changed since the last call; undefined when nothing did. */
  collect(version: number): Changes | undefined;
  /** The changes of this version are durable. */
  landed(version: number): void;
  /** No commit is in flight or waiting. */
  settled(): void;
  /** A commit failed; nothing more is committed. Returns the error that waiting outputs get. */
  commitFailed(error: unknown): HoldfastError;
  /** The `release` or `drop` of an output threw. */
  outputThrew(error: unknown): void;
}

/** Where an instance begins. */
export interface CommitStart {
  readonly epoch: number;
  /** The version that the store has now. */
  readonly version: number;
  /** Unique to this instance; commit ids are made of it. */
  readonly nonce: string;
}

/** A commit in flight, and the outputs that wait for it. */
interface Flight {
  readonly version: number;
  readonly outputs: Output[];
  landed: boolean;
}

/** A save that relaxed durability has put off. */
interface ScheduledSave {
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly timer: Timer;
}

const noFlights: readonly Flight[] = [];

/**
 * The output gate. The turns that close while a commit of an actor is on its way share the next one.
 * Each output leaves when all turns before it are durable, in the order in which outputs were made.
 *
 * The commit of a lone caller is handed to the store at once. Where several outputs waited, their
 * callers are about to come back together, and a commit for the first few of them would make all
 * others wait for two syncs: so the next commit gathers turns until half of the callers wait, for as
 * long as each macrotask brings more of them. A loop that is idle brings none, so that nothing waits
 * there for callers who stay away. Half of the callers need not wait for the other half to land: their
 * commit follows while the first is synced. The store takes commits in order and refuses one whose
 * predecessor it does not have, so that the second cannot become durable without the first.
 */
export class CommitQueue {
  readonly epoch: number;
  readonly #source: CommitSource;
  readonly #nonce: string;
  /** Oldest first, and few. Copied on change, so that idle actors share the empty list. */
  #flights = noFlights;
  /** Outputs of the turns that closed since the last flight began; present when there was one. */
  #next: Output[] | undefined;
  /** Outputs being released now. */
  #leaving: Output[] | undefined;
  #version: number;
  /** The error for outputs that arrive after the last commit. */
  #failure: HoldfastError | undefined;
  #failed = false;
  /** Why the newest turn must not be committed; reported once earlier commits have landed. */
  #refusal: HoldfastError | undefined;
  #holds = 0;
  #inTransaction = false;
  /** About how many callers there are, as the last landings saw it. */
  #crowd = 0;
  #gathering = false;
  /** Set with relaxed durability: outputs leave first and changes are saved within the interval. */
  #relaxed: { readonly intervalMs: number; save: ScheduledSave | undefined } | undefined;

  constructor(source: CommitSource, { epoch, version, nonce }: CommitStart) {
    this.#source = source;
    this.epoch = epoch;
    this.#nonce = nonce;
    this.#version = version;
  }

  /** Ends the open turn: what changed goes to the store, now or with the next commit. */
  close(): void {
    if (this.#failure !== undefined) return;
    if (this.#isRelaxed) this.saveWithin(this.#relaxed?.intervalMs ?? 0);
    else this.#close();
  }

  #close(): void {
    if (this.#flights.length > 0 || this.#holds > 0 || this.#gathering) this.#next ??= [];
    else if (this.#crowd > 1 && this.#source.hasChanged()) this.#gather();
    else this.#leave(this.#handIn([]));
  }

  /** Switches to relaxed durability: outputs leave at once and changes are saved within `saveIntervalMs`. */
  relax(saveIntervalMs: number): void {
    this.#relaxed = { intervalMs: saveIntervalMs, save: undefined };
  }

  /** False during a transaction, whose outputs always wait for its commit. */
  get #isRelaxed(): boolean {
    return this.#relaxed !== undefined && this.#holds === 0;
  }

  /** With relaxed durability: saves what has changed within `delayMs`. */
  saveWithin(delayMs: number): void {
    const relaxed = this.#relaxed;
    if (this.#failure !== undefined || relaxed === undefined) return;
    if (!this.#source.hasChanged()) return;
    const { tasks, clock } = this.#source.host.ports;
    const at = clock.now() + delayMs;
    if (relaxed.save !== undefined) {
      if (relaxed.save.at <= at) return;
      relaxed.save.timer.cancel();
    }
    const timer = tasks.after(delayMs, () => {
      relaxed.save = undefined;
      if (this.#failure === undefined) this.#close();
    });
    relaxed.save = { at, timer };
  }

  #cancelSave(): void {
    if (this.#relaxed === undefined) return;
    this.#relaxed.save?.timer.cancel();
    this.#relaxed.save = undefined;
  }

  /** Ends the open turn and resolves when it is durable, whatever the durability of the actor. */
  durable(): Promise<void> {
    if (this.#inTransaction) return Promise.reject(inTransactionError());
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#cancelSave();
    this.#close();
    return new Promise((resolve, reject) => this.#wait({ release: resolve, drop: reject }));
  }

  /** Ends the open turn and lets `output` leave before it is durable. */
  ahead(output: Output): void {
    this.close();
    if (this.#failure !== undefined) this.#drop(output, this.#failure);
    else if (this.#holds > 0) this.#wait(output);
    else this.#leave([output]);
  }

  /**
   * Hands nothing to the store until the returned function is called: what changes meanwhile is one
   * turn, and every output waits for it. What changed before the call may become part of it.
   */
  hold(): () => void {
    this.close();
    return this.holdOpen();
  }

  /** As {@link hold}; the turn that is open stays so, and what it has changed waits as well. */
  holdOpen(): () => void {
    let held = true;
    this.#holds++;
    return () => {
      if (!held) return;
      held = false;
      this.#holds--;
      if (this.#holds === 0 && this.#flights.length === 0) this.#takeNext();
    };
  }

  /** Resolves when the commits that are on their way now have landed. */
  async landed(): Promise<void> {
    const last = this.#flights.at(-1);
    if (last === undefined) return;
    await new Promise<void>((resolve, reject) => last.outputs.push({ release: resolve, drop: reject }));
  }

  /** True when nothing is on its way or waits for the store. */
  get idle(): boolean {
    return this.#flights.length === 0 && this.#next === undefined && this.#holds === 0;
  }

  /** As {@link hold} for what may be taken back, on an idle queue; meanwhile nobody can wait for the gate. */
  transaction(): HeldTurn {
    const release = this.hold();
    this.#inTransaction = true;
    return {
      commit: () => {
        this.#inTransaction = false;
        release();
      },
      revert: (error) => {
        const outputs = this.#next ?? [];
        this.#inTransaction = false;
        this.#next = outputs.filter((output) => output.undoable !== true);
        release();
        for (const output of outputs) if (output.undoable === true) this.#drop(output, error);
      },
    };
  }

  /** Ends the open turn and lets `output` leave once everything before it is durable. */
  after(output: Output): void {
    this.close();
    if (this.#failure !== undefined) return this.#drop(output, this.#failure);
    if (this.#isRelaxed) this.#leave([output]);
    else this.#wait(output);
  }

  #wait(output: Output): void {
    if (this.#failure !== undefined) return this.#drop(output, this.#failure);
    const waiting = this.#next ?? this.#flights.at(-1)?.outputs ?? this.#leaving;
    if (waiting === undefined) return this.#release(output);
    waiting.push(output);
    if (!this.#isFree || !this.#hasGathered) return;
    // Beside a flight there is time: a larger commit costs less, as long as the loop finds more for it.
    if (this.#flights.length > 0) this.#gather();
    else if (this.#gathering) this.#takeNext();
  }

  /** As {@link after}, as a promise. Rejects with `actor.output_in_transaction` in a transaction. */
  gate(): Promise<void> {
    if (this.#inTransaction) return Promise.reject(inTransactionError());
    return new Promise((resolve, reject) => this.after({ release: resolve, drop: reject }));
  }

  /** Ends the open turn, the last one: from now on nothing is committed and nothing leaves. */
  finish(told: HoldfastError): Promise<void> {
    const durable = this.durable();
    this.#failure ??= told;
    return durable;
  }

  /** Fails the queue and drops every waiting output. Idempotent. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#cancelSave();
    const failure = this.#source.commitFailed(error);
    this.#failure = failure;
    const waiting = [...this.#flights.flatMap(({ outputs }) => outputs), ...(this.#next ?? [])];
    this.#flights = noFlights;
    this.#next = undefined;
    for (const output of waiting) this.#drop(output, failure);
  }

  /** Hands what changed to the store, with the outputs that wait for it; returns them when nothing changed. */
  #handIn(outputs: Output[]): Output[] {
    const source = this.#source;
    const version = this.#version + 1;
    try {
      const changes = source.collect(version);
      if (changes === undefined) return this.#follow(outputs);
      this.#version = version;
      const flight: Flight = { version, outputs, landed: false };
      this.#flights = [...this.#flights, flight];
      const commitId = `${this.#nonce}.${version}`;
      const batch = { ...changes, actorId: source.id, epoch: this.epoch, version, commitId };
      source.host.store.commit(batch).then(
        () => this.#land(flight),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      // A turn that cannot be handed in is fatal: memory and store would differ.
      if (this.#flights.at(-1)?.version !== version) {
        this.#flights = [...this.#flights, { version, outputs, landed: false }];
      }
      if (isRefusedState(error)) this.#refusal = error;
      // Earlier commits in flight are not affected and land first.
      if (this.#refusal === undefined || this.#flights.length === 1) this.fail(error);
    }
    return [];
  }

  /** Outputs of turns that changed nothing: they leave with the commit before them, or are returned. */
  #follow(outputs: Output[]): Output[] {
    const last = this.#flights.at(-1);
    if (last === undefined) return outputs;
    last.outputs.push(...outputs);
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
    for (let output = outputs.shift(); output !== undefined; output = outputs.shift()) {
      this.#release(output);
    }
    this.#leaving = undefined;
  }

  #release(output: Output): void {
    try {
      output.release();
    } catch (error) {
      this.#source.outputThrew(error);
    }
  }

  #drop(output: Output, told: HoldfastError): void {
    try {
      output.drop(told);
    } catch (error) {
      this.#source.outputThrew(error);
    }
  }

  #land(flight: Flight): void {
    if (this.#failed) return;
    flight.landed = true;
    const outputs: Output[] = [];
    for (let first = this.#flights[0]; first?.landed === true; first = this.#flights[0]) {
      this.#flights = this.#flights.length === 1 ? noFlights : this.#flights.slice(1);
      this.#source.landed(first.version);
      outputs.push(...first.outputs);
    }
    this.#count(outputs.length);
    if (this.#flights.length > 0 ? this.#isFree && this.#hasGathered : this.#hasAll) {
      return this.#takeNext(outputs);
    }
    if (this.#flights.length === 0) this.#gather();
    this.#leave(outputs);
    if (this.#refusal !== undefined && this.#flights.length === 1) this.fail(this.#refusal);
  }

  /** Estimates the number of callers; the estimate decays while fewer of them wait. */
  #count(landed: number): void {
    let waiting = landed + (this.#next?.length ?? 0);
    for (const { outputs } of this.#flights) waiting += outputs.length;
    this.#crowd = Math.max(waiting, this.#crowd - 1 - (this.#crowd >> 3));
  }

  /** Nothing to gather for: nothing has closed, or enough of it. */
  get #hasAll(): boolean {
    return this.#next === undefined || this.#hasGathered;
  }

  /** Half of the callers wait: the other half can be served during their sync, and they during its. */
  get #hasGathered(): boolean {
    return 2 * (this.#next?.length ?? 0) >= this.#crowd;
  }

  /** Hands the next commit in at the first macrotask that finds no more turns than the one before it. */
  #gather(): void {
    this.#next ??= [];
    if (this.#gathering) return;
    this.#gathering = true;
    let known = this.#flights.length === 0 ? 0 : this.#next.length;
    let rounds = 0;
    const look = (): void => {
      const waiting = this.#next?.length ?? 0;
      rounds++;
      if (waiting > known && rounds < maxGatherRounds && this.#isFree) {
        known = waiting;
        this.#source.host.ports.tasks.macrotask(look);
        return;
      }
      this.#gathering = false;
      // Whatever is in the way takes the next commit itself when it ends.
      if (this.#isFree && (this.#flights.length === 0 || this.#hasGathered)) this.#takeNext();
    };
    this.#source.host.ports.tasks.macrotask(look);
  }

  /** True if a commit may be handed to the store now. */
  get #isFree(): boolean {
    if (this.#holds > 0 || this.#failed || this.#refusal !== undefined) return false;
    const { length } = this.#flights;
    return length === 0 || (length < maxFlights && this.#crowd > 1 && this.#source.overlaps);
  }

  #takeNext(outputs: readonly Output[] = []): void {
    const next = this.#holds > 0 || this.#refusal !== undefined ? undefined : this.#next;
    if (next !== undefined) this.#next = undefined;
    // Hand in the next commit before releasing outputs, so that the store is not idle meanwhile.
    const unchanged = next === undefined || this.#failed ? [] : this.#handIn(next);
    this.#leave([...outputs, ...unchanged]);
    if (this.idle) this.#source.settled();
  }
}

function inTransactionError(): HoldfastError {
  const message = "What leaves the actor waits for its commit, and a transaction is open: do it afterwards";
  return new HoldfastError("actor", "output_in_transaction", message, { statusCode: 500 });
}

/** True for what says that a turn left a state that cannot be committed: by its schema, or by its values. */
export function isRefusedState(error: unknown): error is HoldfastError {
  return isErrorCode(error, "actor", "invalid_state") || isErrorCode(error, "actor", "invalid_state_value");
}
