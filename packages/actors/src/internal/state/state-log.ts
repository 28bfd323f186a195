import type { HoldfastError } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { CommitBatch, StoredState } from "../../store.ts";
import { decodeState, encodePatch, encodeSnapshot, op } from "./patch.ts";
import { Tracker } from "./tracker.ts";
import { copyValue } from "./value.ts";

const { minStateLogBytes } = actorLimits;

type StateChange = NonNullable<CommitBatch["state"]>;

/** The state of one actor, and what of it is not in the store yet. */
export class StateLog {
  /** Until user code looks at the state, nothing has to be watched. */
  #tracker: Tracker | undefined;
  #initial: unknown;
  readonly #changed: () => void;
  #refusal: (() => HoldfastError) | undefined;
  #snapshotDue: boolean;
  #snapshotBytes: number;
  #logBytes: number;

  private constructor(value: unknown, stored: StoredState | undefined, changed: () => void) {
    this.#initial = value;
    this.#changed = changed;
    this.#snapshotDue = stored === undefined;
    this.#snapshotBytes = stored?.snapshot.length ?? 0;
    this.#logBytes = stored?.patches.reduce((sum, patch) => sum + patch.length, 0) ?? 0;
  }

  get #watched(): Tracker {
    if (this.#tracker === undefined) {
      this.#tracker = new Tracker(this.#initial, this.#changed);
      // The tracker has it: a state that is replaced is not to be kept alive from here.
      this.#initial = undefined;
      this.#tracker.refusal = this.#refusal;
    }
    return this.#tracker;
  }

  /** The state of a new actor: a copy of `value`. Throws `actor.invalid_state_value`. */
  static create(value: unknown, changed: () => void): StateLog {
    const copy = copyValue(value, [], (item) => item);
    return new StateLog(copy, undefined, changed);
  }

  /** Throws `store.corrupt_state` and `store.unknown_format`. */
  static load(stored: StoredState, changed: () => void): StateLog {
    return new StateLog(decodeState(stored.snapshot, stored.patches), stored, changed);
  }

  /** The stored value, for who wants to change it before it becomes a state. Throws as `load`. */
  static decode(stored: StoredState): unknown {
    return decodeState(stored.snapshot, stored.patches);
  }

  get value(): unknown {
    return this.#watched.value;
  }

  set value(value: unknown) {
    this.#watched.value = value;
  }

  /** What a value that leaves the actor stands for: a state is encoded faster without its proxies. */
  unwrap(value: unknown): unknown {
    return this.#tracker === undefined ? value : this.#tracker.unwrapValue(value);
  }

  /** From now on changes throw what `error` makes; undefined allows them again. */
  refuseChanges(error: (() => HoldfastError) | undefined): void {
    this.#refusal = error;
    if (this.#tracker !== undefined) this.#tracker.refusal = error;
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

  /** What changed since the last call, encoded; undefined when nothing did. */
  take(): StateChange | undefined {
    const tracker = this.#tracker;
    if (tracker === undefined) return this.#snapshotDue ? this.#snapshot() : undefined;
    if (!tracker.hasOperations && !this.#snapshotDue) return undefined;
    const operations = tracker.take();
    // Assigning the whole state drops the operations before it, so it can only be the first.
    const replacesAll = operations[0]?.[0] === op.set && operations[0][1].length === 0;
    return this.#snapshotDue || replacesAll ? this.#snapshot() : this.#patch(encodePatch(operations));
  }

  #patch(bytes: Uint8Array): StateChange {
    if (this.#logBytes + bytes.length > Math.max(minStateLogBytes, this.#snapshotBytes))
      return this.#snapshot();
    this.#logBytes += bytes.length;
    return { type: "patch", bytes };
  }

  #snapshot(): StateChange {
    const bytes = encodeSnapshot(this.#tracker === undefined ? this.#initial : this.#tracker.raw);
    this.#snapshotDue = false;
    this.#snapshotBytes = bytes.length;
    this.#logBytes = 0;
    return { type: "snapshot", bytes };
  }
}
