import type { Ports } from "@holdfast/core";
import { Backoff, type RetryLimits } from "../connection/backoff.ts";
import type { Connection } from "../connection/connection.ts";
import {
  duplicateKey,
  failureOf,
  fenced,
  indeterminate,
  invalidCommit,
  mapDatabaseError,
  unavailable,
} from "../errors.ts";
import { outcomeOf, type Settlement, type Turn } from "./turn.ts";

/** What the turns of all actors share. */
export interface TurnsHost {
  readonly ports: Ports;
  readonly retry: RetryLimits;
  /** The connection for the next turns of an actor; see `Connections.turn`. */
  connection(turn: Turn): Connection;
  /** Reads the actor's row, after everything that has been committed. */
  settle(actorId: string): Promise<Settlement | undefined>;
  /** Called when the last turn of an actor has ended. */
  idle(actorId: string): void;
  counted(what: "commits" | "retries" | "settled"): void;
}

/**
 * The turns of one actor that wait for the database, in order. They are pipelined over one connection, so they are
 * applied in order, and if one fails the fences of the following ones do.
 *
 * After a failure nothing is sent until all turns in flight are answered. Then the row of the actor says which of them
 * were committed, and the rest is sent again, in order.
 */
export class ActorTurns {
  readonly #id: string;
  readonly #host: TurnsHost;
  readonly #turns: Turn[] = [];
  #connection: Connection | undefined;
  #inFlight = 0;
  #isRecovering = false;
  #backoff: Backoff | undefined;
  #last: Promise<unknown> | undefined;

  constructor(id: string, host: TurnsHost) {
    this.#id = id;
    this.#host = host;
  }

  /** `ended` settles when the outcome of the turn is known. */
  add(turn: Turn, ended: Promise<unknown>): void {
    this.#turns.push(turn);
    this.#last = ended;
    // During a recovery it waits for the earlier ones.
    if (!this.#isRecovering) this.#send(turn);
  }

  /** Resolves when the turns that were added so far have ended, whatever became of them. They end in order. */
  async settled(): Promise<void> {
    await this.#last?.catch(() => {});
  }

  #send(turn: Turn): void {
    this.#connection ??= this.#host.connection(turn);
    this.#inFlight += 1;
    this.#connection.transaction(turn.statements).then(
      () => this.#answered(turn, undefined),
      (error: unknown) => this.#answered(turn, error),
    );
  }

  #answered(turn: Turn, error: unknown): void {
    this.#inFlight -= 1;
    if (error === undefined) this.#committed(turn);
    else this.#failed(turn, error);
    if (this.#isRecovering && this.#inFlight === 0) void this.#recover();
  }

  /**
   * A turn of this epoch is only applied after all earlier ones, so those that wait to be settled are committed too:
   * the server has run what was sent over the lost connection beside what was sent again.
   */
  #committed(turn: Turn): void {
    this.#backoff = undefined;
    const upTo = this.#turns.indexOf(turn);
    for (const earlier of this.#turns.slice(0, upTo)) {
      if (earlier.batch.epoch !== turn.batch.epoch) continue;
      this.#host.counted("settled");
      this.#end(earlier);
    }
    this.#end(turn);
  }

  #end(turn: Turn): void {
    this.#host.counted("commits");
    this.#remove(turn);
    turn.resolve();
  }

  #failed(turn: Turn, error: unknown): void {
    const failure = failureOf(error);
    switch (failure) {
      case "fence":
        // Behind a turn that has failed, a fence says nothing.
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
        // The fences of the following turns fail, and they are settled then.
        this.#remove(turn);
        turn.reject(mapDatabaseError(error));
        return;
    }
    this.#isRecovering = true;
  }

  async #recover(): Promise<void> {
    this.#connection = undefined;
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
      this.#host.counted("retries");
      this.#send(turn);
    }
  }

  /** Ends the turns at the head whose outcome the row of the actor tells. */
  async #settle(): Promise<void> {
    if (!this.#turns.some((turn) => turn.isUncertain || turn.isFenced)) return;
    const row = await this.#host.settle(this.#id);
    for (const turn of [...this.#turns]) {
      const outcome = outcomeOf(turn, row);
      if (outcome === "open") return;
      this.#host.counted("settled");
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

  /** The database could not be reached for too long. */
  #giveUp(cause: unknown): void {
    this.#isRecovering = false;
    for (const turn of [...this.#turns]) {
      this.#remove(turn);
      turn.reject(turn.isUncertain ? indeterminate(cause) : unavailable(cause));
    }
  }

  #remove(turn: Turn): void {
    const at = this.#turns.indexOf(turn);
    if (at >= 0) this.#turns.splice(at, 1);
    if (this.#turns.length === 0) this.#host.idle(this.#id);
  }
}
