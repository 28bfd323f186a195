/** A turn and its commit: state, commit queue, call ledger, transactions and their lock. */
import { HoldfastError, isErrorCode, type Ports, type Timer } from "@holdfast/core";
import type { ActorStore, CommitBatch } from "../../ports/store.ts";

/** Maximum number of macrotasks that a commit waits for further turns; each has to bring some. */
const maxGatherRounds = 16;

/** Maximum number of commits in flight per actor: the second is prepared while the first is synced. */
const maxFlights = 2;

/**
 * An output of the actor. Exactly one of the two methods is called, once. An error that it throws is only logged, so
 * that it does not affect the outputs behind it.
 */
export interface Output {
  release(): void;
  /** Called when the preceding commit has failed; the output must not be sent. */
  drop(error: HoldfastError): void;
  /** True if a rollback of its transaction discards the output. */
  readonly undoable?: boolean;
}

/** Ends the hold of a transaction. Exactly one of the two methods is called, once. */
export interface HeldTurn {
  commit(): void;
  /** Rolled back: undoable outputs are dropped with `error`. */
  revert(error: HoldfastError): void;
}

/** The changes of a turn: a batch without its identity. */
export type Changes = Omit<CommitBatch, "actorId" | "epoch" | "version" | "commitId">;

/** Provides the changes to commit. */
export interface CommitSource {
  /** The id of the actor. */
  readonly id: string;
  readonly host: { readonly store: ActorStore; readonly ports: Ports };
  /** True if a commit may be submitted before the preceding one is durable. */
  readonly overlaps: boolean;
  /** True if there are changes to collect. */
  hasChanged(): boolean;
  /** Collects the changes since the last call; undefined if there are none. */
  collect(version: number): Changes | undefined;
  /** Called when the changes of this version are durable. */
  landed(version: number): void;
  /** Called when no commit is in flight or waiting. */
  settled(): void;
  /** Called when a commit has failed and no more will follow. Returns the error for waiting outputs. */
  commitFailed(error: unknown): HoldfastError;
  /** Called when `release` or `drop` of an output has thrown. */
  outputThrew(error: unknown): void;
}

/** The starting position of an instance. */
export interface CommitStart {
  readonly epoch: number;
  /** The current version in the store. */
  readonly version: number;
  /** Unique to this instance; part of its commit ids. */
  readonly nonce: string;
}

/** A commit in flight, and the outputs that wait for it. */
interface Flight {
  readonly version: number;
  readonly outputs: Output[];
  landed: boolean;
}

/** A save that relaxed durability has delayed. */
interface ScheduledSave {
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly timer: Timer;
}

const noFlights: readonly Flight[] = [];

/** Outputs that a queue is releasing, on the stack; `outer` is below it. */
interface Release {
  readonly queue: CommitQueue;
  readonly outputs: Output[];
  readonly outer: Release | undefined;
}

/** The innermost release on the stack: not a field, because of thousands of queues hardly one is at it. */
let releasing: Release | undefined;

function releasedBy(queue: CommitQueue): Output[] | undefined {
  for (let each = releasing; each !== undefined; each = each.outer) {
    if (each.queue === queue) return each.outputs;
  }
  return undefined;
}

/**
 * The output gate. Turns that close while a commit of the actor is in flight share the next one. Each output is
 * released when all preceding turns are durable, in the order of creation. The commit of a single caller is submitted
 * immediately. If several outputs waited, their callers are likely to return together, and a commit for the first few
 * would make the others wait for two syncs. So the next commit gathers turns until half of the callers wait, as long
 * as each macrotask brings more of them; an idle event loop brings none, so absent callers delay nothing. Half of the
 * callers need not wait for the sync of the other half: their commit follows during it. The store applies commits in
 * order and rejects one without its predecessor, so the second cannot become durable before the first.
 */
export class CommitQueue {
  readonly epoch: number;
  readonly #source: CommitSource;
  readonly #nonce: string;
  /** Oldest first, and few. Copied on change, so that idle actors share the empty list. */
  #flights = noFlights;
  /** Outputs of the turns that closed since the last flight started; undefined if no turn has. */
  #next: Output[] | undefined;
  /** Outputs of the open turn. */
  #open: Output[] | undefined;
  #version: number;
  /** The error for outputs that arrive after the last commit. */
  #failure: HoldfastError | undefined;
  #failed = false;
  /** Why the newest turn cannot be committed; reported once earlier commits are durable. */
  #refusal: HoldfastError | undefined;
  #holds = 0;
  #inTransaction = false;
  /** Estimated number of concurrent callers. */
  #callerEstimate = 0;
  #gathering = false;
  /** Set with relaxed durability: outputs are released first and changes are saved within the interval. */
  #relaxed: { readonly intervalMs: number; save: ScheduledSave | undefined } | undefined;

  constructor(source: CommitSource, { epoch, version, nonce }: CommitStart) {
    this.#source = source;
    this.epoch = epoch;
    this.#nonce = nonce;
    this.#version = version;
  }

  /** Version of the last commit that was submitted. */
  get version(): number {
    return this.#version;
  }

  /** Ends the open turn: its changes are submitted now or with the next commit. */
  close(): void {
    if (this.#failure !== undefined) return;
    if (this.#isRelaxed) this.saveWithin(this.#relaxed?.intervalMs ?? 0);
    else this.#close();
    this.#passOn();
  }

  #close(): void {
    if (this.#flights.length > 0 || this.#holds > 0 || this.#gathering) this.#next ??= [];
    else if (this.#callerEstimate > 1 && this.#source.hasChanged()) this.#gather();
    else this.#releaseAll(this.#submit([]));
  }

  /** Adds an output to the open turn, whose end the caller brings about: it waits for all changes of the turn. */
  add(output: Output): void {
    if (this.#failure !== undefined) return this.#drop(output, this.#failure);
    this.#open ??= [];
    this.#open.push(output);
  }

  /** True if outputs wait for the end of the open turn. */
  get hasOpenOutputs(): boolean {
    return this.#open !== undefined;
  }

  /** Lets the outputs of the turn that has just closed wait for its commit. */
  #passOn(): void {
    const outputs = this.#open;
    if (outputs === undefined) return;
    this.#open = undefined;
    if (this.#isRelaxed) return this.#releaseAll(outputs);
    for (const output of outputs) this.#wait(output);
  }

  /** Switches to relaxed durability: outputs are released immediately and changes are saved within `saveIntervalMs`. */
  relax(saveIntervalMs: number): void {
    this.#relaxed = { intervalMs: saveIntervalMs, save: undefined };
  }

  /** False during a transaction, whose outputs always wait for its commit. */
  get #isRelaxed(): boolean {
    return this.#relaxed !== undefined && this.#holds === 0;
  }

  /** With relaxed durability: saves changes within `delayMs`. */
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
    this.#passOn();
    return new Promise((resolve, reject) => this.#wait({ release: resolve, drop: reject }));
  }

  /** Ends the open turn and releases `output` before it is durable. */
  ahead(output: Output): void {
    this.close();
    if (this.#failure !== undefined) this.#drop(output, this.#failure);
    else if (this.#holds > 0) this.#wait(output);
    else this.#releaseAll([output]);
  }

  /**
   * Delays submissions until the returned function is called: all changes until then are one turn, and every output
   * waits for it. Changes from before the call may become part of it.
   */
  hold(): () => void {
    this.close();
    return this.holdOpen();
  }

  /** As {@link hold}, without closing the open turn: its changes wait as well. */
  holdOpen(): () => void {
    let held = true;
    this.#holds++;
    return () => {
      if (!held) return;
      held = false;
      this.#holds--;
      if (this.#holds === 0 && this.#flights.length === 0) this.#submitNext();
    };
  }

  /** Resolves when the commits that are in flight now are durable. */
  async landed(): Promise<void> {
    const last = this.#flights.at(-1);
    if (last === undefined) return;
    await new Promise<void>((resolve, reject) => last.outputs.push({ release: resolve, drop: reject }));
  }

  /** True if nothing is in flight or waiting for the store. */
  get idle(): boolean {
    const isWaiting = this.#next !== undefined || this.#open !== undefined;
    return this.#flights.length === 0 && !isWaiting && this.#holds === 0;
  }

  /** As {@link hold} on an idle queue, for changes that may be rolled back; `gate` rejects during it. */
  transaction(): HeldTurn {
    const release = this.hold();
    this.#inTransaction = true;
    return {
      commit: () => {
        this.#inTransaction = false;
        release();
      },
      revert: (error) => {
        const outputs = [...(this.#next ?? []), ...(this.#open ?? [])];
        this.#open = undefined;
        this.#inTransaction = false;
        this.#next = outputs.filter((output) => output.undoable !== true);
        release();
        for (const output of outputs) if (output.undoable === true) this.#drop(output, error);
      },
    };
  }

  /** Ends the open turn and releases `output` once everything before it is durable. */
  after(output: Output): void {
    this.close();
    if (this.#failure !== undefined) return this.#drop(output, this.#failure);
    if (this.#isRelaxed) this.#releaseAll([output]);
    else this.#wait(output);
  }

  #wait(output: Output): void {
    if (this.#failure !== undefined) return this.#drop(output, this.#failure);
    const waiting = this.#next ?? this.#flights.at(-1)?.outputs ?? releasedBy(this);
    if (waiting === undefined) return this.#release(output);
    waiting.push(output);
    if (!this.#isFree || !this.#hasGathered) return;
    // A flight leaves time to gather: a larger commit is cheaper, as long as more turns close.
    if (this.#flights.length > 0) this.#gather();
    else if (this.#gathering) this.#submitNext();
  }

  /** As {@link after}, as a promise. Rejects with `actor.output_in_transaction` in a transaction. */
  gate(): Promise<void> {
    if (this.#inTransaction) return Promise.reject(inTransactionError());
    return new Promise((resolve, reject) => this.after({ release: resolve, drop: reject }));
  }

  /** Ends the last turn: from now on nothing is committed or released. */
  finish(error: HoldfastError): Promise<void> {
    const durable = this.durable();
    this.#failure ??= error;
    return durable;
  }

  /** Fails the queue and drops every waiting output. Idempotent. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#cancelSave();
    const failure = this.#source.commitFailed(error);
    this.#failure = failure;
    const inFlight = this.#flights.flatMap(({ outputs }) => outputs);
    const waiting = [...inFlight, ...(this.#next ?? []), ...(this.#open ?? [])];
    this.#flights = noFlights;
    this.#next = undefined;
    this.#open = undefined;
    for (const output of waiting) this.#drop(output, failure);
  }

  /** Submits changes together with the outputs that wait for them; returns the outputs if nothing changed. */
  #submit(outputs: Output[]): Output[] {
    const source = this.#source;
    const version = this.#version + 1;
    try {
      const changes = source.collect(version);
      if (changes === undefined) return this.#appendToLastFlight(outputs);
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
      // A turn that cannot be submitted is fatal: memory and store would differ.
      if (this.#flights.at(-1)?.version !== version) {
        this.#flights = [...this.#flights, { version, outputs, landed: false }];
      }
      if (isRefusedState(error)) this.#refusal = error;
      // Earlier commits in flight are not affected and become durable first.
      if (this.#refusal === undefined || this.#flights.length === 1) this.fail(error);
    }
    return [];
  }

  /** Outputs of turns without changes are released with the preceding commit, or returned if there is none. */
  #appendToLastFlight(outputs: Output[]): Output[] {
    const last = this.#flights.at(-1);
    if (last === undefined) return outputs;
    last.outputs.push(...outputs);
    return [];
  }

  #releaseAll(outputs: Output[]): void {
    if (outputs.length === 0) return;
    const running = releasedBy(this);
    if (running !== undefined) {
      running.push(...outputs);
      return;
    }
    const outer = releasing;
    releasing = { queue: this, outputs, outer };
    // An output may create others: they join the list while no later turn has started.
    for (let output = outputs.shift(); output !== undefined; output = outputs.shift()) {
      this.#release(output);
    }
    releasing = outer;
  }

  #release(output: Output): void {
    try {
      output.release();
    } catch (error) {
      this.#source.outputThrew(error);
    }
  }

  #drop(output: Output, reason: HoldfastError): void {
    try {
      output.drop(reason);
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
    this.#estimateCallers(outputs.length);
    if (this.#flights.length > 0 ? this.#isFree && this.#hasGathered : this.#hasAll) {
      return this.#submitNext(outputs);
    }
    if (this.#flights.length === 0) this.#gather();
    this.#releaseAll(outputs);
    if (this.#refusal !== undefined && this.#flights.length === 1) this.fail(this.#refusal);
  }

  /** Estimates the number of callers; the estimate decays while fewer of them wait. */
  #estimateCallers(landed: number): void {
    let waiting = landed + (this.#next?.length ?? 0);
    for (const { outputs } of this.#flights) waiting += outputs.length;
    this.#callerEstimate = Math.max(waiting, this.#callerEstimate - 1 - (this.#callerEstimate >> 3));
  }

  /** True if gathering is unnecessary: no turn has closed, or enough have. */
  get #hasAll(): boolean {
    return this.#next === undefined || this.#hasGathered;
  }

  /** True if half of the callers wait: both halves can alternate, each running during the other's sync. */
  get #hasGathered(): boolean {
    return 2 * (this.#next?.length ?? 0) >= this.#callerEstimate;
  }

  /** Submits the next commit at the first macrotask that brings no further turns. */
  #gather(): void {
    this.#next ??= [];
    if (this.#gathering) return;
    this.#gathering = true;
    let previous = this.#flights.length === 0 ? 0 : this.#next.length;
    let rounds = 0;
    const { tasks } = this.#source.host.ports;
    const soon = (fn: () => void): void =>
      tasks.turnEnd === undefined ? tasks.macrotask(fn) : tasks.turnEnd(fn);
    const poll = (): void => {
      const waiting = this.#next?.length ?? 0;
      rounds++;
      if (waiting > previous && rounds < maxGatherRounds && this.#isFree) {
        previous = waiting;
        soon(poll);
        return;
      }
      this.#gathering = false;
      // Whatever blocks it submits the next commit itself when it ends.
      if (this.#isFree && (this.#flights.length === 0 || this.#hasGathered)) this.#submitNext();
    };
    soon(poll);
  }

  /** True if a commit may be submitted now. */
  get #isFree(): boolean {
    if (this.#holds > 0 || this.#failed || this.#refusal !== undefined) return false;
    const { length } = this.#flights;
    return length === 0 || (length < maxFlights && this.#callerEstimate > 1 && this.#source.overlaps);
  }

  #submitNext(outputs: readonly Output[] = []): void {
    const next = this.#holds > 0 || this.#refusal !== undefined ? undefined : this.#next;
    if (next !== undefined) this.#next = undefined;
    // Submits the next commit before releasing outputs, so that the store stays busy.
    const unchanged = next === undefined || this.#failed ? [] : this.#submit(next);
    this.#releaseAll([...outputs, ...unchanged]);
    if (this.idle) this.#source.settled();
  }
}

function inTransactionError(): HoldfastError {
  const message = "Output waits for a commit, but a transaction is open. Send it after the transaction";
  return new HoldfastError("actor", "output_in_transaction", message, { statusCode: 500 });
}

/** True for errors of a turn whose state cannot be committed: by its schema or its values. */
export function isRefusedState(error: unknown): error is HoldfastError {
  return isErrorCode(error, "actor", "invalid_state") || isErrorCode(error, "actor", "invalid_state_value");
}
