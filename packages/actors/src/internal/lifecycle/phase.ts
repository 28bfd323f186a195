import { actorLimits } from "../../limits.ts";
import type { InstanceStatus, StopReason } from "../../ports/instance.ts";

export type StopMode = Extract<StopReason, "slept" | "destroyed" | "shutdown">;

/** The stop that is under way. */
export interface Stop {
  readonly mode: StopMode;
  /** When the actor was destroyed, in ms since the epoch; set once none of its code runs any more. */
  readonly destroyedAt: number | undefined;
  /** Turns a sleep into a destruction, unless its last commit has started. */
  destroyInstead(): void;
}

/** Fields that only an actor that stops or is destroyed has. */
interface Ending {
  stop: Stop | undefined;
  destroyRequestedAt: number | undefined;
}

/** Phase of an instance between its start and its end. */
export class ActorPhase {
  status: InstanceStatus = "starting";
  /** True once changes are refused. */
  sealed = false;
  /** The time of creation, until the commit that creates the actor takes it. */
  #createdAt: number | undefined;
  #creation: "none" | "running" | "done";
  #ending: Ending | undefined;

  /** `createdAt` if this instance creates its actor: nothing is committed before `onCreate` has returned. */
  constructor(createdAt: number | undefined) {
    this.#createdAt = createdAt;
    this.#creation = createdAt === undefined ? "none" : "running";
  }

  /** True if this instance creates its actor, now or earlier. */
  get creates(): boolean {
    return this.#creation !== "none";
  }

  /** True until `onCreate` has returned. */
  get creating(): boolean {
    return this.#creation === "running";
  }

  /** True until the commit that creates the actor is submitted to the store. */
  get isCreationPending(): boolean {
    return this.#createdAt !== undefined;
  }

  created(): void {
    this.#creation = "done";
  }

  takeCreatedAt(): number | undefined {
    const createdAt = this.#createdAt;
    this.#createdAt = undefined;
    return createdAt;
  }

  /** The current stop, if there is one. */
  get stop(): Stop | undefined {
    return this.#ending?.stop;
  }

  set stop(stop: Stop) {
    this.#ending = { stop, destroyRequestedAt: this.destroyRequestedAt };
  }

  /** When a destruction was requested, in ms since the epoch. It is stored, so that a crash does not undo it. */
  get destroyRequestedAt(): number | undefined {
    return this.#ending?.destroyRequestedAt;
  }

  set destroyRequestedAt(at: number) {
    this.#ending = { stop: this.stop, destroyRequestedAt: at };
  }

  /** When the store has to wake the actor if a requested destruction has not finished by then. */
  destroyBy(gracePeriodMs: number): number | undefined {
    const requestedAt = this.destroyRequestedAt;
    return requestedAt === undefined
      ? undefined
      : requestedAt + Math.min(gracePeriodMs, actorLimits.maxDelayMs);
  }
}
