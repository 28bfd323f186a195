import type { ActorKey } from "@holdfast/core";

/** The row of an actor. Times are milliseconds since the epoch. */
export interface ActorRecord {
  readonly id: string;
  readonly name: string;
  readonly key: ActorKey;
  /** Raised by one whenever an owner acquires the actor. */
  readonly epoch: number;
  /** Raised by one by every commit. */
  readonly version: number;
  readonly createdAt: number;
  readonly destroyedAt?: number;
  /** When the actor wants to be woken, in milliseconds since the epoch. */
  readonly wakeAt?: number;
}

/** A state as it is kept: the newest snapshot and the patches after it, oldest first. */
export interface StoredState {
  readonly snapshot: Uint8Array;
  readonly patches: readonly Uint8Array[];
}

/** A stored entry. */
export interface KvEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
