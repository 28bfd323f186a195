/** Turns on their way to a server: the order of each actor's, and recovery after failures. */
import type { Ports } from "@holdfast/core";
import { Backoff, type RetryLimits } from "../backoff.ts";
import { duplicateKey, type Failure, fenced, indeterminate, invalidCommit } from "../errors.ts";
import { type CommittedRow, outcomeOf, type Turn } from "./turn.ts";

/** A connection that applies what it is sent in order. */
export interface TurnChannel<Work> {
  /** Resolves once the work is committed. */
  send(work: Work): Promise<unknown>;
}

/** Services that the turns of all actors share. */
export interface TurnsHost<Work> {
  readonly ports: Ports;
  readonly retry: RetryLimits;
  /** Connection for the next turns of an actor. */
  channel(turn: Turn<Work>): TurnChannel<Work>;
  /** Reads the actor's row as of all earlier commits. */
  readRow(actorId: string): Promise<CommittedRow | undefined>;
  /** Called when no turn of the actor is left. */
  removeIdle(actorId: string): void;
  count(what: "commits" | "retries" | "settled"): void;
  failureOf(error: unknown): Failure;
  /** The typed error of a turn that changed nothing. */
  mapError(error: unknown): unknown;
  unavailable(cause: unknown): Error;
}

/**
 * Queue of one actor's turns. They are pipelined over one connection, so the server applies them in order, and when
 * one fails, the fences of those behind it fail too.
 *
 * After a failure nothing is sent until every turn in flight is answered. The actor's row then shows which of them
 * were committed, and the others are sent again in order.
 */
export class ActorTurns<Work> {
  readonly #id: string;
  readonly #host: TurnsHost<Work>;
  readonly #turns: Turn<Work>[] = [];
  #channel: TurnChannel<Work> | undefined;
  #inFlight = 0;
  #isRecovering = false;
  #backoff: Backoff | undefined;
  #last: Promise<unknown> | undefined;

  constructor(id: string, host: TurnsHost<Work>) {
    this.#id = id;
    this.#host = host;
  }

  /** `ended` settles with the outcome of the turn. */
  add(turn: Turn<Work>, ended: Promise<unknown>): void {
    this.#turns.push(turn);
    this.#last = ended;
    // During a recovery, earlier turns are sent first.
    if (!this.#isRecovering) this.#send(turn);
  }

  /** Resolves when all turns added so far have settled. They settle in order. */
  async settled(): Promise<void> {
    await this.#last?.catch(() => {});
  }

  #send(turn: Turn<Work>): void {
    this.#channel ??= this.#host.channel(turn);
    this.#inFlight += 1;
    this.#channel.send(turn.work).then(
      () => this.#answered(turn, undefined),
      (error: unknown) => this.#answered(turn, error),
    );
  }

  #answered(turn: Turn<Work>, error: unknown): void {
    this.#inFlight -= 1;
    if (error === undefined) this.#committed(turn);
    else this.#failed(turn, error);
    if (this.#isRecovering && this.#inFlight === 0) void this.#recover();
  }

  /**
   * The fence applies a turn only after all earlier ones of its epoch, so earlier turns with an unknown outcome are
   * committed too: the server ran the transactions of the lost connection after all.
   */
  #committed(turn: Turn<Work>): void {
    this.#backoff = undefined;
    const upTo = this.#turns.indexOf(turn);
    for (const earlier of this.#turns.slice(0, upTo)) {
      if (earlier.batch.epoch !== turn.batch.epoch) continue;
      this.#host.count("settled");
      this.#end(earlier);
    }
    this.#end(turn);
  }

  #end(turn: Turn<Work>): void {
    this.#host.count("commits");
    this.#remove(turn);
    turn.resolve();
  }

  #failed(turn: Turn<Work>, error: unknown): void {
    const failure = this.#host.failureOf(error);
    switch (failure) {
      case "fence":
        // A fence behind a failed turn fails in any case.
        if (!this.#isRecovering) turn.isFenced = true;
        break;
      case "lost":
        if ((error as { readonly sent?: boolean }).sent === true) turn.isUncertain = true;
        turn.cause = error;
        break;
      case "conflict":
      case "unprepared":
        turn.cause = error;
        break;
      case "final":
        // The fences of the following turns fail; that settles them.
        this.#remove(turn);
        turn.reject(this.#host.mapError(error));
        return;
    }
    this.#isRecovering = true;
  }

  async #recover(): Promise<void> {
    this.#channel = undefined;
    this.#backoff ??= new Backoff(this.#host.ports, this.#host.retry);
    try {
      await this.#settle();
    } catch (error) {
      return this.#giveUp(error);
    }
    const first = this.#turns[0];
    if (first === undefined) {
      this.#isRecovering = false;
      return;
    }
    const goesOn = first.cause === undefined || (await this.#backoff.wait());
    if (!goesOn) return this.#giveUp(first.cause);
    this.#isRecovering = false;
    for (const turn of [...this.#turns]) {
      this.#host.count("retries");
      this.#send(turn);
    }
  }

  /** Settles the turns at the head whose outcome follows from the actor's row. */
  async #settle(): Promise<void> {
    if (!this.#turns.some((turn) => turn.isUncertain || turn.isFenced)) return;
    const row = await this.#host.readRow(this.#id);
    for (const turn of [...this.#turns]) {
      const outcome = outcomeOf(turn, row);
      if (outcome === "open") return;
      this.#host.count("settled");
      if (outcome === "committed") {
        this.#end(turn);
        continue;
      }
      this.#remove(turn);
      switch (outcome) {
        case "duplicate":
          turn.reject(duplicateKey());
          break;
        case "invalid":
          turn.reject(invalidCommit("A patch needs an earlier snapshot"));
          break;
        case "unknown":
          turn.reject(indeterminate(turn.cause));
          break;
        case "fenced":
          turn.reject(fenced(this.#id));
          break;
      }
    }
  }

  /** Rejects all turns: the database was unreachable for too long. */
  #giveUp(cause: unknown): void {
    this.#isRecovering = false;
    for (const turn of [...this.#turns]) {
      this.#remove(turn);
      turn.reject(turn.isUncertain ? indeterminate(cause) : this.#host.unavailable(cause));
    }
  }

  #remove(turn: Turn<Work>): void {
    const at = this.#turns.indexOf(turn);
    if (at >= 0) this.#turns.splice(at, 1);
    if (this.#turns.length === 0) this.#host.removeIdle(this.#id);
  }
}
