import type { HoldfastError } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { StoredState } from "../../ports/records.ts";
import type { CommitBatch } from "../../ports/store.ts";
import { decodeState, encodePatch, encodeSnapshot, op } from "./patch.ts";
import { Tracker } from "./tracker.ts";
import { copyValue } from "./value.ts";

const { minStateLogBytes } = actorLimits;

type StateChange = NonNullable<CommitBatch["state"]>;

/** Whose state it is. */
export interface StateListener {
  /** After each change of the state. */
  stateChanged(): void;
}

/** The state of one actor, and what of it is not in the store yet. */
export class StateLog {
  readonly #owner: StateListener;
  /** The state, until user code looks at it and while it rests: nothing has to be watched then. */
  #value: unknown;
  /** Watches the state while user code has it in hand. */
  #tracker: Tracker | undefined;
  /** The tracker of a state that rests: it is gone as soon as nobody holds anything of the state. */
  #resting: WeakRef<Tracker> | undefined;
  #refusal: (() => HoldfastError) | undefined;
  /** The size of the last one; undefined where the next commit has to write one. */
  #snapshotBytes: number | undefined;
  #logBytes: number;

  private constructor(value: unknown, stored: StoredState | undefined, owner: StateListener) {
    this.#value = value;
    this.#owner = owner;
    this.#snapshotBytes = stored?.snapshot.length;
    this.#logBytes = stored?.patches.reduce((sum, patch) => sum + patch.length, 0) ?? 0;
  }

  get #watched(): Tracker {
    return this.#tracker ?? this.#watch();
  }

  #watch(): Tracker {
    const tracker = this.#known ?? this.#made();
    this.#tracker = tracker;
    // The tracker has it: a state that is replaced is not to be kept alive from here.
    this.#value = undefined;
    return tracker;
  }

  /** The tracker, if there still is one. */
  get #known(): Tracker | undefined {
    return this.#tracker ?? this.#resting?.deref();
  }

  #made(): Tracker {
    // User code that has kept something of a state may use it while that rests.
    const used = (): Tracker => this.#watched;
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
   * No user code runs: what watches the state is kept from here on only by those who hold something of
   * the state, and is taken up again with the next look at it. What is pending is waited for.
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

  /** The stored value, for who wants to change it before it becomes a state. Throws as `load`. */
  static decode(stored: StoredState): unknown {
    return decodeState(stored.snapshot, stored.patches);
  }

  /** The state itself, untracked: to look at, never to be handed to user code that might change it. */
  get raw(): unknown {
    return this.#tracker === undefined ? this.#value : this.#tracker.raw;
  }

  /** Whether there is something of user code for `take`. */
  get hasChanged(): boolean {
    return this.#tracker?.hasOperations === true;
  }

  get value(): unknown {
    return this.#watched.value;
  }

  set value(value: unknown) {
    this.#watched.value = value;
  }

  /** What a value that leaves the actor stands for: a state is encoded faster without its proxies. */
  unwrap(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    return this.#known?.unwrap(value) ?? value;
  }

  /** From now on changes throw what `error` makes; undefined allows them again. */
  refuseChanges(error: (() => HoldfastError) | undefined): void {
    this.#refusal = error;
    const tracker = this.#known;
    if (tracker !== undefined) tracker.refusal = error;
  }

  /** From now on changes can be taken back with `rollback`, until `keep`. Nothing may be pending. */
  savepoint(): void {
    this.#watched.savepoint();
  }

  keep(): void {
    this.#tracker?.keep();
  }

  rollback(): void {
    this.#tracker?.rollback();
  }

  /** Finds changes of dates and bytes, which no proxy reports. `forget` when no user code is running. */
  checkLeaves(forget: boolean): void {
    this.#tracker?.checkLeaves(forget);
  }

  /**
   * What changed since the last call, encoded; undefined when nothing did. With `inUse`, user code may go on
   * changing what it has assigned.
   */
  take(inUse = false): StateChange | undefined {
    const tracker = this.#tracker;
    const last = this.#snapshotBytes;
    if (tracker === undefined) return last === undefined ? this.#snapshot() : undefined;
    if (!tracker.hasOperations && last !== undefined) return undefined;
    tracker.settle(inUse);
    const operations = tracker.take();
    // Assigning the whole state drops the operations before it, so it can only be the first.
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
