import { encodeValue, HoldfastError, type StandardSchema, validate } from "@holdfast/core";
import type { KvEntry, StoredState } from "../../ports/records.ts";
import type { CommitBatch } from "../../ports/store.ts";
import { Context } from "../calls/context.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import { metaKey, readMeta, writeMeta } from "../lifecycle/meta-records.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import { StateLog, type StateOwner } from "../state/state-log.ts";
import { StateChangeNotifier } from "./state-change-notifier.ts";

/** The state of one running actor: made or loaded, checked, brought up to date, and watched. */
export class ActorState implements StateOwner {
  readonly #runtime: RunningActor;
  #log: StateLog | undefined;
  /** Present once there is a change to tell `onStateChange` of. */
  #notifier: StateChangeNotifier | undefined;
  /** `stateSchema` is asynchronous. */
  #schemaIsAsync = false;

  constructor(runtime: RunningActor) {
    this.#runtime = runtime;
  }

  get exists(): boolean {
    return this.#log !== undefined;
  }

  /** Undefined before it is made. Throws `actor.state_not_enabled` where the definition has none. */
  get value(): unknown {
    if (this.#log !== undefined) return this.#log.value;
    const { hooks, state } = this.#runtime.definition;
    if (hooks.createState === undefined && state === undefined) throw missingError(this.#runtime.name);
    return undefined;
  }

  set value(value: unknown) {
    if (this.#log === undefined) throw missingError(this.#runtime.name);
    this.#log.value = value;
  }

  /** The first state. Also at a wake when none is stored: the definition may have had no state before. */
  async create(input: unknown): Promise<void> {
    const runtime = this.#runtime;
    const { hooks, state, stateSchema, migrateState } = runtime.definition;
    if (hooks.createState === undefined && state === undefined) return;
    const initial =
      state !== undefined ? state.initial : await runtime.hook("createState", [new Context(runtime), input]);
    const value = stateSchema === undefined ? initial : await validateState(stateSchema, initial);
    if (migrateState.length > 0) writeMeta(runtime.records, metaKey.stateVersion, migrateState.length);
    this.#log = StateLog.create(value, this);
    runtime.markDirty();
  }

  /** Throws `store.corrupt_state`, `actor.state_version_too_new`, `actor.invalid_state`. */
  async load(stored: StoredState, meta: readonly KvEntry[] | undefined): Promise<void> {
    const runtime = this.#runtime;
    const { stateSchema, migrateState } = runtime.definition;
    const version = readMeta(meta, metaKey.stateVersion) ?? 0;
    if (version > migrateState.length) throw tooNewError(version, migrateState.length);
    if (version === migrateState.length && stateSchema === undefined) {
      this.#log = StateLog.load(stored, this);
      return;
    }
    let value = StateLog.decode(stored);
    for (const migrate of migrateState.slice(version)) {
      const result = await runtime.enter(() => migrate(value));
      if (result !== undefined) value = result;
    }
    const migrated = version < migrateState.length;
    const before = migrated || stateSchema === undefined ? undefined : encodeValue(value);
    if (stateSchema !== undefined) value = await validateState(stateSchema, value);
    if (before !== undefined && sameBytes(before, encodeValue(value))) {
      this.#log = StateLog.load(stored, this);
      return;
    }
    if (migrated) writeMeta(runtime.records, metaKey.stateVersion, migrateState.length);
    this.#log = StateLog.create(value, this);
    runtime.markDirty();
  }

  stateChanged(): void {
    const runtime = this.#runtime;
    runtime.noteChange();
    const log = this.#log;
    if (log === undefined || runtime.definition.hooks.onStateChange === undefined) return;
    this.#notifier ??= new StateChangeNotifier(runtime, log);
    this.#notifier.changed();
  }

  /** Tells `onStateChange` now of what has changed so far; returns what it throws at once. */
  notifyNow(): { readonly error: unknown } | undefined {
    return this.#notifier?.notifyNow();
  }

  /**
   * What the next commit says of the state. Throws `actor.invalid_state` for a changed one that
   * `stateSchema` refuses, unless it is the `last` of an actor that is no more.
   */
  take(last: boolean): CommitBatch["state"] {
    const log = this.#log;
    const { stateSchema } = this.#runtime.definition;
    if (stateSchema !== undefined && !last && !this.#schemaIsAsync && log?.hasChanged === true) {
      this.#check(stateSchema, log);
    }
    return log?.take(this.#runtime.activity.any);
  }

  /** A commit cannot wait for a schema that is asynchronous: that one is asked in transactions and at loading. */
  #check(schema: StandardSchema, log: StateLog): void {
    const checked = validateState(schema, log.raw);
    if (!(checked instanceof Promise)) return;
    this.#schemaIsAsync = true;
    checked.catch(() => {});
  }

  /** What `stateSchema` says of the state in a transaction. Throws `actor.invalid_state`. */
  async validate(): Promise<void> {
    const log = this.#log;
    const { stateSchema } = this.#runtime.definition;
    if (stateSchema !== undefined && log?.hasChanged === true) await validateState(stateSchema, log.raw);
  }

  /** Notices changes that no proxy reports; see `StateLog.checkLeaves`. */
  checkLeaves(forget: boolean): void {
    this.#log?.checkLeaves(forget);
  }

  /** No user code runs: what only that needs is let go. */
  rest(): void {
    this.#log?.rest();
  }

  unwrap(value: unknown): unknown {
    return this.#log === undefined ? value : this.#log.unwrap(value);
  }

  seal(): void {
    this.#log?.refuseChanges(stoppedError);
  }

  savepoint(): void {
    this.#log?.savepoint();
    this.#notifier?.savepoint();
  }

  keep(): void {
    this.#log?.keep();
    this.#notifier?.keep();
  }

  rollback(): void {
    this.#log?.rollback();
    this.#notifier?.rollback();
  }
}

/** As `validate`. Throws `actor.invalid_state`, or rejects with it where the schema is asynchronous. */
function validateState(schema: StandardSchema, value: unknown): unknown {
  try {
    const outcome = validate(schema, value, { group: "actor", code: "invalid_state", what: "The state" });
    return outcome instanceof Promise ? outcome.catch(refuse) : outcome;
  } catch (error) {
    return refuse(error);
  }
}

/** A state is no caller's fault, whatever a refused argument is. */
function refuse(error: unknown): never {
  if (!(error instanceof HoldfastError)) throw error;
  throw new HoldfastError(error.group, error.code, error.message, {
    metadata: error.metadata,
    statusCode: 500,
    cause: error,
  });
}

function missingError(name: string): HoldfastError {
  const message = `The actor "${name}" has no state (yet)`;
  return new HoldfastError("actor", "state_not_enabled", message, { statusCode: 500 });
}

function tooNewError(stored: number, known: number): HoldfastError {
  const message = `The stored state has version ${stored}; this definition knows ${known}. It is left as it is`;
  return new HoldfastError("actor", "state_version_too_new", message, {
    metadata: { stored, known },
    statusCode: 500,
  });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
