import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { ActorHost, StopReason } from "../../ports/instance.ts";
import type { Calls } from "../calls/calls.ts";
import type { Connections } from "../connections/connections.ts";
import type { Inspection } from "../inspect/inspection.ts";
import type { Storage } from "../kv/storage.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { Parts } from "../lifecycle/parts.ts";
import type { CallLedger } from "./call-ledger.ts";
import type { Changes, CommitSource } from "./commit-queue.ts";

/** The components whose changes a commit collects. */
interface CollectorDependencies
  extends Pick<
    ActorCore,
    | "id"
    | "name"
    | "storedName"
    | "place"
    | "key"
    | "host"
    | "phase"
    | "activity"
    | "turn"
    | "queue"
    | "state"
    | "errors"
    | "inTransaction"
  > {
  readonly existingCalls: Calls | undefined;
  readonly existingConnections: Connections | undefined;
  readonly existingLedger: CallLedger | undefined;
  readonly existingParts: Parts | undefined;
  readonly existingStorage: Storage | undefined;
  readonly inspection: Inspection | undefined;
  readonly instance: { halt(reason: StopReason, error: HoldfastError): void };
  /** Releases data that only running user code needs. */
  release(): void;
}

/** Collects the changes of a turn from all components of an actor, and notifies them of the commit's outcome. */
export class ChangeCollector implements CommitSource {
  readonly #actor: CollectorDependencies;

  constructor(actor: CollectorDependencies) {
    this.#actor = actor;
  }

  get id(): string {
    return this.#actor.id;
  }

  get host(): ActorHost {
    return this.#actor.host;
  }

  /** Detects changes that no proxy reports; see `StateLog.checkLeaves`. */
  checkLeaves(): void {
    const { activity, state, existingConnections, inTransaction } = this.#actor;
    // In a transaction the leaves must stay comparable with their previous content.
    if (inTransaction) return;
    state.checkLeaves(!activity.any);
    existingConnections?.checkLeaves(!activity.any);
  }

  hasChanged(): boolean {
    if (this.#actor.phase.creating) return false;
    this.checkLeaves();
    return this.#actor.turn.dirty;
  }

  /** True while a change has not been submitted, or its commit is not durable yet. */
  get unsettled(): boolean {
    return this.hasChanged() || !this.#actor.queue.idle;
  }

  /** Lets the components write the changes that belong to the closing turn. */
  closeTurn(): void {
    this.#actor.existingConnections?.closing();
    this.#actor.existingParts?.closing();
  }

  collect(version: number): Changes | undefined {
    if (!this.hasChanged()) return undefined;
    this.closeTurn();
    const actor = this.#actor;
    const { storedName: name, key, place, phase } = actor;
    actor.turn.dirty = false;
    actor.existingCalls?.recordStarted();
    const state = actor.state.take(phase.stop?.mode === "destroyed");
    const kv = actor.existingStorage?.take(version);
    const calls = actor.existingLedger?.take();
    const createdAt = phase.takeCreatedAt();
    const destroyedAt = phase.stop?.destroyedAt;
    const wakeAt = actor.existingParts?.takeWakeAt();
    const sql = actor.existingParts?.existingDatabase?.takeHasWritten() === true;
    if (!state && !kv && !calls && !sql && createdAt === undefined && destroyedAt === undefined && !wakeAt) {
      return undefined;
    }
    const changes: Changes = {
      ...(createdAt === undefined
        ? {}
        : { create: { name, key, createdAt, ...(place === undefined ? {} : { place }) } }),
      ...(state && { state }),
      ...(kv && { kv }),
      ...(calls && { calls }),
      ...(sql ? { database: true } : {}),
      ...wakeAt,
      ...(destroyedAt === undefined ? {} : { destroyedAt }),
    };
    actor.inspection?.watching.collected(version, changes);
    return changes;
  }

  /** Files and objects outside the store's log allow only one commit at a time. */
  get overlaps(): boolean {
    return this.#actor.existingParts?.keepsFiles !== true;
  }

  landed(version: number): void {
    this.#actor.inspection?.watching.landed(version);
    this.#actor.existingStorage?.landed(version);
    this.#actor.existingParts?.landed(version);
  }

  settled(): void {
    if (!this.#actor.activity.any) this.#actor.release();
  }

  commitFailed(error: unknown): HoldfastError {
    const cause = isErrorCode(error, "actor", "duplicate_key") ? createdByAnotherCommit() : error;
    const visible = this.#actor.errors.fromStore(cause);
    this.#actor.instance.halt(isErrorCode(cause, "actor", "fenced") ? "fenced" : "failed", visible);
    return visible;
  }

  outputThrew(error: unknown): void {
    this.#actor.errors.report(error);
  }
}

/**
 * Another commit created the actor first, perhaps one with an unknown outcome. Nothing of this instance is committed:
 * its callers belong to the existing actor.
 */
function createdByAnotherCommit(): HoldfastError {
  return new HoldfastError("actor", "fenced", "The actor was created by another commit first");
}
