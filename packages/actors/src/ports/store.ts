import type { ActorKey } from "@holdfast/core";
import type { BlobStore } from "../blob.ts";
import type { DatabaseStore } from "../database/database.ts";
import type { ClusterStore } from "./cluster-store.ts";
import type { DueFilter } from "./due-filter.ts";
import type { HistoryStore } from "./history-store.ts";
import type { ActorRecord, KvEntry, StoredState } from "./records.ts";

/**
 * The port between running actors and their storage. Every implementation passes one conformance suite
 * (`@holdfast/testing`). Errors: `actor.fenced` (another owner has taken over: nothing was written),
 * `actor.duplicate_key`, `store.unavailable` (nothing was written), `store.full` (nothing was written; disk or quota),
 * `store.indeterminate` (it may or may not have been written), `store.failed` (a sync failed: this store accepts no
 * more commits until it is opened again), `store.too_large` (nothing was written), `store.invalid_commit` (a bug of
 * the caller), `store.closed`. `find`, `get`, `list`, `due` and `call` resolve when the data that they return is
 * durable, because their results may leave the process. `kvGet` and `kvList` see applied commits immediately: they are
 * for the actor itself, whose outputs wait for its own commits.
 */
export interface ActorStore {
  /** The existing actor with this name and key. */
  find(name: string, key: ActorKey): Promise<ActorRecord | undefined>;
  /** An existing or destroyed actor by id. */
  get(id: string): Promise<ActorRecord | undefined>;
  /** Existing actors in order of id, a page at a time. */
  list(query: ListQuery): Promise<ActorPage>;
  /** Number of existing actors that match. */
  count(filter: ListFilter): Promise<number>;
  /**
   * Takes ownership: increments the epoch and loads the data that an instance needs to wake. From then on, commits of
   * an older epoch are fenced. The loaded data is durable; if only this process can write, the epoch may become
   * durable with the first commit under it. Throws `actor.not_found` if the actor does not exist or was destroyed.
   */
  acquire(id: string): Promise<LoadedActor>;
  /**
   * Applies one turn as one transaction whose first statement is the fence on `epoch` and `version`. Resolves once
   * durable. Commits of one actor are applied in the order of the calls, so a caller may submit the next one before
   * the last has resolved.
   */
  commit(batch: CommitBatch): Promise<void>;
  /** The record of a keyed call, unless it has expired. */
  call(actorId: string, idempotencyKey: string): Promise<CallRecord | undefined>;
  kvGet(actorId: string, key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Entries with `start <= key < end` in byte order (descending when `reverse`). */
  kvList(actorId: string, range: KvRange): Promise<readonly KvEntry[]>;
  /**
   * The actors that are due at `now`, in order of `wakeAt` and id, and the earliest `wakeAt` of all; with `after`,
   * both only for actors after it in this order, and with `filter`, both only for the actors that it selects. A store
   * on several databases, of which one does not answer, has the actors of the others and a time to ask again.
   */
  due(
    now: number,
    limit: number,
    after?: DueCursor,
    filter?: DueFilter,
  ): Promise<{ readonly actors: readonly ActorRecord[]; readonly nextAt?: number }>;
  /**
   * The SQLite databases of actors. An actor with a database is stored with it: `commit` writes the turn and its SQL
   * as one transaction. `version` and `wakeAt` of its record may be those of an earlier durable commit while it has no
   * owner.
   */
  readonly databases: DatabaseStore;
  /** Large objects of actors, removed with their actor. */
  readonly blobs: BlobStore;
  /** History and copies of actors. */
  readonly history: HistoryStore;
  /** Of a store on several databases: those that cannot be reached now, in words. Actors of the others go on. */
  outages?(): readonly string[];
  /** Present if several nodes may share the store. */
  readonly cluster?: ClusterStore;
  /** Flushes, then releases everything. Idempotent. */
  close(): Promise<void>;
}

/** A position in the order of wake-ups. */
export interface DueCursor {
  readonly wakeAt: number;
  readonly id: string;
}

/** The data that an actor starts from, besides its entries. */
export interface LoadedActor {
  readonly record: ActorRecord;
  /** The latest snapshot and subsequent patches, oldest first; absent for an actor without state. */
  readonly state?: StoredState;
  /** When the last of its call records expires, in milliseconds since the epoch; absent if unknown. */
  readonly callsUntil?: number;
  /** True if the actor has a database, which its owner has to open. */
  readonly hasDatabase?: boolean;
}

/** The changes of one turn, which become durable atomically. */
export interface CommitBatch {
  readonly actorId: string;
  readonly epoch: number;
  /** The version after this commit; the fence requires the stored one to be one less. */
  readonly version: number;
  /** Unique per commit: settles an uncertain outcome. */
  readonly commitId: string;
  /** Present on an actor's first commit (version 1, epoch 1): creates its row. */
  readonly create?: {
    readonly name: string;
    readonly key: ActorKey;
    readonly createdAt: number;
    /** See `ActorRecord`. */
    readonly place?: string;
  };
  /** A snapshot replaces the log so far; a patch is appended to it. */
  readonly state?: { readonly type: "snapshot" | "patch"; readonly bytes: Uint8Array };
  readonly kv?: readonly KvOperation[];
  readonly calls?: readonly CallRecord[];
  /** True if SQL has written in this turn. */
  readonly database?: true;
  /** In whole milliseconds: other values are rejected. `null` clears it; if absent, it is unchanged. */
  readonly wakeAt?: number | null;
  /**
   * Destroys the actor: its key becomes available, its state and kv are deleted, and its call records are no longer
   * found.
   */
  readonly destroyedAt?: number;
}

/** One write of a batch. A range ends before `end`, or with the last key. */
export type KvOperation =
  | { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: "delete"; readonly key: Uint8Array }
  | { readonly type: "delete-range"; readonly start: Uint8Array; readonly end?: Uint8Array };

/** A page of entries with `start <= key < end`, in the order of their keys. */
export interface KvRange {
  readonly start: Uint8Array;
  readonly end?: Uint8Array;
  readonly limit: number;
  readonly reverse?: boolean;
}

/**
 * The idempotency record of a keyed call. `started` is written by the first commit of a call with several commits,
 * `done` by its last. A retry of a `started` call that is no longer running gets `action.interrupted`.
 */
export interface CallRecord {
  readonly key: string;
  readonly status: "started" | "done";
  /** The encoded outcome of a `done` call, in the format of `actors/src/internal/turn/call-result.ts`. */
  readonly outcome?: Uint8Array;
  readonly expiresAt: number;
}

/** Names by their prefix up to the first colon: those with one prefix, or those without any of some. */
export type NamespaceFilter = { readonly only: string } | { readonly without: readonly string[] };

/** Filter of a list of actors; absent fields match everything. */
export interface ListFilter {
  readonly name?: string;
  readonly namespaces?: NamespaceFilter;
  /** Prefix of the text of the key (`encodeKey`). */
  readonly keyPrefix?: string;
  /** Milliseconds since the epoch. */
  readonly createdAfter?: number;
}

/** A page of a filtered list, in the order of the ids. */
export interface ListQuery extends ListFilter {
  readonly limit: number;
  /** The id after which the page starts. */
  readonly cursor?: string;
}

/** A page of a list; `cursor` is present while there may be more. */
export interface ActorPage {
  readonly actors: readonly ActorRecord[];
  readonly cursor?: string;
}
