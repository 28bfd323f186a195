import { encodeValue, HoldfastError, type StandardSchema, validate } from "@holdfast/core";
import type { KvEntry, StoredState } from "../../ports/records.ts";
import type { CommitBatch } from "../../ports/store.ts";
import { Context } from "../calls/context.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import type { Activity } from "../lifecycle/activity.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import { metaKey, readMeta, writeMeta } from "../lifecycle/meta-records.ts";
import { type StateListener, StateLog } from "../state/state-log.ts";
import { type NotifierDependencies, StateChangeNotifier } from "./state-change-notifier.ts";

/** The components that the state works with. */
interface StateDependencies extends NotifierDependencies {
  readonly name: string;
  readonly activity: Activity;
  readonly records: EntryBuffer;
}

/** The state of one running actor: created or loaded, validated, migrated, and observed for `onStateChange`. */
export class ActorState implements StateListener {
  readonly #actor: StateDependencies;
  #log: StateLog | undefined;
  /** Created with the first change that `onStateChange` has to see. */
  #notifier: StateChangeNotifier | undefined;

  constructor(actor: StateDependencies) {
    this.#actor = actor;
  }

  get exists(): boolean {
    return this.#log !== undefined;
  }

  /** Undefined before the state is created. Throws `actor.state_not_enabled` if the definition has none. */
  get value(): unknown {
    if (this.#log !== undefined) return this.#log.value;
    const { hooks, state } = this.#actor.definition;
    if (hooks.createState === undefined && state === undefined) throw missingError(this.#actor.name);
    return undefined;
  }

  set value(value: unknown) {
    if (this.#log === undefined) throw missingError(this.#actor.name);
    this.#log.value = value;
  }

  /** Creates the initial state. Also at a wake without a stored state: the definition may not have had one before. */
  async create(input: unknown): Promise<void> {
    const actor = this.#actor;
    const { hooks, state, stateSchema, migrateState } = actor.definition;
    if (hooks.createState === undefined && state === undefined) return;
    const initial =
      state !== undefined
        ? state.initial
        : await actor.turn.hook("createState", [new Context(actor.context), input]);
    const value = stateSchema === undefined ? initial : await validateState(stateSchema, initial);
    if (migrateState.length > 0) writeMeta(actor.records, metaKey.stateVersion, migrateState.length);
    this.#log = StateLog.create(value, this);
    actor.turn.dirty = true;
  }

  /** Throws `actor.state_version_too_new` for a stored state that this definition cannot load. */
  check(meta: readonly KvEntry[] | undefined): void {
    const known = this.#actor.definition.migrateState.length;
    const version = readMeta(meta, metaKey.stateVersion) ?? 0;
    if (version > known) throw tooNewError(version, known);
  }

  /** Loads a state that was checked. Throws `store.corrupt_state`, `actor.invalid_state`. */
  async load(stored: StoredState, meta: readonly KvEntry[] | undefined): Promise<void> {
    const actor = this.#actor;
    const { stateSchema, migrateState } = actor.definition;
    const version = readMeta(meta, metaKey.stateVersion) ?? 0;
    if (version === migrateState.length && stateSchema === undefined) {
      this.#log = StateLog.load(stored, this);
      return;
    }
    let value = StateLog.decode(stored);
    for (const migrate of migrateState.slice(version)) {
      const result = await actor.turn.enter(() => migrate(value));
      if (result !== undefined) value = result;
    }
    const migrated = version < migrateState.length;
    const before = migrated || stateSchema === undefined ? undefined : encodeValue(value);
    if (stateSchema !== undefined) value = await validateState(stateSchema, value);
    if (before !== undefined && sameBytes(before, encodeValue(value))) {
      this.#log = StateLog.load(stored, this);
      return;
    }
    if (migrated) writeMeta(actor.records, metaKey.stateVersion, migrateState.length);
    this.#log = StateLog.create(value, this);
    actor.turn.dirty = true;
  }

  stateChanged(): void {
    const actor = this.#actor;
    actor.turn.noteChange();
    const log = this.#log;
    if (log === undefined || actor.definition.hooks.onStateChange === undefined) return;
    this.#notifier ??= new StateChangeNotifier(actor, log);
    this.#notifier.changed();
  }

  /** Calls `onStateChange` for the changes so far; returns what it throws synchronously. */
  notifyNow(): { readonly error: unknown } | undefined {
    return this.#notifier?.notifyNow();
  }

  /**
   * The state changes for the next commit. Throws `actor.invalid_state` if `stateSchema` rejects a changed state,
   * unless it is the `last` of a destroyed actor.
   */
  take(last: boolean): CommitBatch["state"] {
    const log = this.#log;
    const { stateSchema } = this.#actor.definition;
    if (stateSchema !== undefined && !last && log?.hasChanged === true) checkCommitted(stateSchema, log);
    return log?.take(this.#actor.activity.any);
  }

  /** Validates the state of a transaction with `stateSchema`. Throws `actor.invalid_state`. */
  async validate(): Promise<void> {
    const log = this.#log;
    const { stateSchema } = this.#actor.definition;
    if (stateSchema !== undefined && log?.hasChanged === true) await validateState(stateSchema, log.raw);
  }

  /** Detects changes that no proxy reports; see `StateLog.checkLeaves`. */
  checkLeaves(forget: boolean): void {
    this.#log?.checkLeaves(forget);
  }

  /** Releases data that only running user code needs. */
  release(): void {
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

/** Schemas that turned out to be asynchronous: a commit cannot wait for one, only transactions and loads can. */
const asyncSchemas = new WeakSet<StandardSchema>();

/** Validates the state for a commit. Throws `actor.invalid_state`. */
function checkCommitted(schema: StandardSchema, log: StateLog): void {
  if (asyncSchemas.has(schema)) return;
  const checked = validateState(schema, log.raw);
  if (!(checked instanceof Promise)) return;
  asyncSchemas.add(schema);
  checked.catch(() => {});
}

/** As `validate`. Throws `actor.invalid_state`, or rejects with it if the schema is asynchronous. */
function validateState(schema: StandardSchema, value: unknown): unknown {
  try {
    const outcome = validate(schema, value, { group: "actor", code: "invalid_state", what: "The state" });
    return outcome instanceof Promise ? outcome.catch(refuse) : outcome;
  } catch (error) {
    return refuse(error);
  }
}

/** Unlike a rejected argument, an invalid state is not the caller's fault. */
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
  const message = `The stored state has version ${stored}; this definition supports versions up to ${known}. It is left unchanged`;
  return new HoldfastError("actor", "state_version_too_new", message, {
    metadata: { stored, known },
    statusCode: 500,
  });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
