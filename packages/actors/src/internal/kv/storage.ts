import type { ActorStore, KvOperation } from "../../ports/store.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import type { Parts } from "../lifecycle/parts.ts";
import { EntryBuffer, joinedOperations, space } from "./entry-buffer.ts";
import { KvBuffer } from "./kv-buffer.ts";

/** What the entries of an actor need of it. */
export interface StorageOwner {
  readonly id: string;
  readonly sealed: boolean;
  readonly inTransaction: boolean;
  readonly parts: Parts;
  /** User code has written. */
  noteChange(): void;
  /** A part has written. */
  changed(): void;
}

/** The entries of one actor: its records and its `kv`, each made when it is first used. */
export class Storage {
  readonly #store: ActorStore;
  readonly #owner: StorageOwner;
  #records: EntryBuffer | undefined;
  #entries: EntryBuffer | undefined;
  #kv: KvBuffer | undefined;

  constructor(store: ActorStore, owner: StorageOwner) {
    this.#store = store;
    this.#owner = owner;
  }

  /** What the parts of the actor keep. */
  get records(): EntryBuffer {
    this.#records ??= this.#make(space.records, () => this.#owner.changed());
    return this.#records;
  }

  get kv(): KvBuffer {
    if (this.#kv === undefined) {
      this.#entries = this.#make(space.user, () => this.#owner.noteChange());
      this.#kv = new KvBuffer(this.#entries, this.#owner.parts);
    }
    return this.#kv;
  }

  /** Nothing was written that is not in the store, and user code has nothing of it. */
  get isEmpty(): boolean {
    return this.#kv === undefined && this.#records?.isEmpty !== false;
  }

  #make(ownSpace: number, changed: () => void): EntryBuffer {
    const buffer = new EntryBuffer(this.#store, this.#owner.id, ownSpace, changed);
    if (this.#owner.sealed) buffer.refusal = stoppedError;
    // It is empty: what is written in the open transaction can be taken back all the same.
    if (this.#owner.inTransaction) buffer.savepoint();
    return buffer;
  }

  /** What the commit of `version` writes. */
  take(version: number): readonly KvOperation[] | undefined {
    return joinedOperations(this.#records?.take(version), this.#entries?.take(version));
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

  /** Nothing is written any more. */
  seal(): void {
    if (this.#records !== undefined) this.#records.refusal = stoppedError;
    if (this.#entries !== undefined) this.#entries.refusal = stoppedError;
  }
}
