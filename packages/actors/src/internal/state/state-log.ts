import type { HoldfastError } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { StoredState } from "../../ports/records.ts";
import type { CommitBatch } from "../../ports/store.ts";
import { decodeState, encodePatch, encodeSnapshot, op } from "./patch.ts";
import { Tracker } from "./tracker.ts";
import { copyValue } from "./value.ts";

const { minStateLogBytes } = actorLimits;

type StateChange = NonNullable<CommitBatch["state"]>;

/** The owner of a state. */
export interface StateListener {
  /** Called after each change of the state. */
  stateChanged(): void;
}

/** The state of one actor, and its changes that are not stored yet. */
export class StateLog {
  readonly #owner: StateListener;
  /** The state while it is untracked: before user code first reads it, and while it rests. */
  #value: unknown;
  /** Tracks changes while user code uses the state. */
  #tracker: Tracker | undefined;
  /** The tracker of a resting state; collected as soon as user code holds no view. */
  #resting: WeakRef<Tracker> | undefined;
  #refusal: (() => HoldfastError) | undefined;
  /** Size of the last snapshot; undefined if the next commit has to write one. */
  #snapshotBytes: number | undefined;
  #logBytes: number;

  private constructor(value: unknown, stored: StoredState | undefined, owner: StateListener) {
    this.#value = value;
    this.#owner = owner;
    this.#snapshotBytes = stored?.snapshot.length;
    this.#logBytes = stored?.patches.reduce((sum, patch) => sum + patch.length, 0) ?? 0;
  }

  get #activeTracker(): Tracker {
    return this.#tracker ?? this.#activate();
  }

  #activate(): Tracker {
    const tracker = this.#existingTracker ?? this.#createTracker();
    this.#tracker = tracker;
    // The tracker owns the value now: a reference here would keep a replaced state alive.
    this.#value = undefined;
    return tracker;
  }

  /** The tracker, if it exists and was not collected. */
  get #existingTracker(): Tracker | undefined {
    return this.#tracker ?? this.#resting?.deref();
  }

  #createTracker(): Tracker {
    // User code may use a view that it kept while the state rested.
    const used = (): Tracker => this.#activeTracker;
    const changed = (): void => {
      used();
      this.#owner.stateChanged();
    };
    const tracker = new Tracker(this.#value, changed, used);
    tracker.refusal = this.#refusal;
    this.#resting = undefined;
    return tracker;
  }

  /**
   * Stops tracking when no user code runs: only the views that user code holds keep the tracker alive, and the next
   * access reuses it. Does nothing while changes are pending.
   */
  rest(): void {
    const tracker = this.#tracker;
    if (tracker === undefined || !tracker.isSettled) return;
    this.#resting ??= new WeakRef(tracker);
    this.#value = tracker.raw;
    this.#tracker = undefined;
  }

  /** The state of a new actor: a copy of `value`. Throws `actor.invalid_state_value`. */
  static create(value: unknown, owner: StateListener): StateLog {
    const copy = copyValue(value, [], (item) => item);
    return new StateLog(copy, undefined, owner);
  }

  /** Throws `store.corrupt_state` and `store.unknown_format`. */
  static load(stored: StoredState, owner: StateListener): StateLog {
    return new StateLog(decodeState(stored.snapshot, stored.patches), stored, owner);
  }

  /** Decodes the stored value, for migrations. Throws as `load`. */
  static decode(stored: StoredState): unknown {
    return decodeState(stored.snapshot, stored.patches);
  }

  /** The state without proxies: read-only, never to be passed to user code. */
  get raw(): unknown {
    return this.#tracker === undefined ? this.#value : this.#tracker.raw;
  }

  /** True if `take` would return changes. */
  get hasChanged(): boolean {
    return this.#tracker?.hasOperations === true;
  }

  get value(): unknown {
    return this.#activeTracker.value;
  }

  set value(value: unknown) {
    this.#activeTracker.value = value;
  }

  /** Replaces views by their values: encoding is faster without proxies. */
  unwrap(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    return this.#existingTracker?.unwrap(value) ?? value;
  }

  /** Makes changes throw the error that `error` creates; undefined allows changes again. */
  refuseChanges(error: (() => HoldfastError) | undefined): void {
    this.#refusal = error;
    const tracker = this.#existingTracker;
    if (tracker !== undefined) tracker.refusal = error;
  }

  /** Starts recording for `rollback`, until `keep`. No changes may be pending. */
  savepoint(): void {
    this.#activeTracker.savepoint();
  }

  keep(): void {
    this.#tracker?.keep();
  }

  rollback(): void {
    this.#tracker?.rollback();
  }

  /** Detects changes of dates and bytes, which no proxy reports. `forget` if no user code is running. */
  checkLeaves(forget: boolean): void {
    this.#tracker?.checkLeaves(forget);
  }

  /**
   * Encodes the changes since the last call; undefined if there are none. With `inUse`, user code may still change the
   * values that it has assigned.
   */
  take(inUse = false): StateChange | undefined {
    const tracker = this.#tracker;
    const last = this.#snapshotBytes;
    if (tracker === undefined) return last === undefined ? this.#snapshot() : undefined;
    if (!tracker.hasOperations && last !== undefined) return undefined;
    tracker.settle(inUse);
    const operations = tracker.take();
    // Assigning the root drops all earlier operations, so it can only be the first operation.
    const replacesAll = operations[0]?.[0] === op.set && operations[0][1].length === 0;
    if (last === undefined || replacesAll) return this.#snapshot();
    return this.#patch(encodePatch(operations), last);
  }

  #patch(bytes: Uint8Array, snapshotBytes: number): StateChange {
    if (this.#logBytes + bytes.length > Math.max(minStateLogBytes, snapshotBytes)) return this.#snapshot();
    this.#logBytes += bytes.length;
    return { type: "patch", bytes };
  }

  #snapshot(): StateChange {
    const bytes = encodeSnapshot(this.raw);
    this.#snapshotBytes = bytes.length;
    this.#logBytes = 0;
    return { type: "snapshot", bytes };
  }
}
