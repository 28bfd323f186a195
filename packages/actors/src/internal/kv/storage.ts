import type { KvOperation } from "../../ports/store.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import type { Parts } from "../lifecycle/parts.ts";
import { concatOperations, EntryBuffer, space } from "./entry-buffer.ts";
import { KvBuffer } from "./kv-buffer.ts";

/** The actor that owns the entries. */
interface StorageDependencies extends Pick<ActorCore, "host" | "id" | "inTransaction" | "phase" | "turn"> {
  readonly parts: Parts;
}

/** The stored entries of one actor: its records and its `kv`, each created on first use. */
export class Storage {
  readonly #actor: StorageDependencies;
  #records: EntryBuffer | undefined;
  #entries: EntryBuffer | undefined;
  #kv: KvBuffer | undefined;

  constructor(actor: StorageDependencies) {
    this.#actor = actor;
  }

  /** Entries that the parts of the actor write. */
  get records(): EntryBuffer {
    this.#records ??= this.#create(space.records, () => this.#actor.turn.changed());
    return this.#records;
  }

  get kv(): KvBuffer {
    if (this.#kv === undefined) {
      this.#entries = this.#create(space.user, () => this.#actor.turn.noteChange());
      this.#kv = new KvBuffer(this.#entries, this.#actor.parts);
    }
    return this.#kv;
  }

  /** True if everything is in the store and user code holds no reference to `kv`. */
  get isEmpty(): boolean {
    return this.#kv === undefined && this.#records?.isEmpty !== false;
  }

  #create(ownSpace: number, changed: () => void): EntryBuffer {
    const { id, host, inTransaction, phase } = this.#actor;
    const buffer = new EntryBuffer(host.store, id, ownSpace, changed);
    if (phase.sealed) buffer.refusal = stoppedError;
    // Created within a transaction, it starts empty: a rollback has to remove everything written since.
    if (inTransaction) buffer.savepoint();
    return buffer;
  }

  /** Operations for the commit of `version`. */
  take(version: number): readonly KvOperation[] | undefined {
    return concatOperations(this.#records?.take(version), this.#entries?.take(version));
  }

  landed(version: number): void {
    this.#records?.landed(version);
    this.#entries?.landed(version);
  }

  savepoint(): void {
    this.#records?.savepoint();
    this.#entries?.savepoint();
  }

  keep(): void {
    this.#records?.keep();
    this.#entries?.keep();
  }

  rollback(): void {
    this.#records?.rollback();
    this.#entries?.rollback();
  }

  /** Refuses writes from now on. */
  seal(): void {
    if (this.#records !== undefined) this.#records.refusal = stoppedError;
    if (this.#entries !== undefined) this.#entries.refusal = stoppedError;
  }
}
