import type { ActorKey } from "@holdfast/core";

/** The row of an actor. Times are milliseconds since the epoch. */
export interface ActorRecord {
  readonly id: string;
  readonly name: string;
  readonly key: ActorKey;
  /** Incremented whenever an owner acquires the actor. */
  readonly epoch: number;
  /** Incremented by every commit. */
  readonly version: number;
  readonly createdAt: number;
  readonly destroyedAt?: number;
  /** The wake-up time of the actor, in milliseconds since the epoch. */
  readonly wakeAt?: number;
  /** Where it may run, if not everywhere; kept as it is by stores that several nodes share. */
  readonly place?: string;
}

/** A stored state: the latest snapshot and subsequent patches, oldest first. */
export interface StoredState {
  readonly snapshot: Uint8Array;
  readonly patches: readonly Uint8Array[];
}

/** A stored entry. */
export interface KvEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
