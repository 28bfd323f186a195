import type { ImagePart } from "./history-store.ts";
import type { ActorRecord } from "./records.ts";
import type { CallRecord } from "./store.ts";

/**
 * A part of an archive, in this order: the log of the state with its history, oldest entry first, beginning with a
 * snapshot; entries and call records by key; the database, as an SQLite file with only the user's tables; objects, each
 * its hash and then its bytes.
 */
export type ArchivePart =
  | {
      readonly type: "state";
      readonly isSnapshot: boolean;
      readonly createdAt: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "calls"; readonly calls: readonly CallRecord[] }
  | Exclude<ImagePart, { readonly type: "snapshot" | "patch" }>;

/**
 * Everything that a store holds of one actor, for a move into another store. Unlike an image it keeps the identity of
 * the actor. Read `parts` to the end, or return early. A destroyed actor has no parts.
 */
export interface ActorArchive {
  readonly record: ActorRecord;
  readonly parts: AsyncIterable<ArchivePart>;
}

/** All actors of a store, as they are stored. Nothing may write to the store meanwhile. */
export interface ArchiveSource {
  /** Identity of the store; a copy of its files has the same. */
  readonly id: string;
  count(): { readonly existing: number; readonly destroyed: number };
  /** Existing and destroyed actors, in the order of their ids. */
  records(): Iterable<ActorRecord>;
  /** Archive of an actor of `records`, with the call records that expire after `callsAfter`. */
  read(record: ActorRecord, callsAfter: number): Promise<ActorArchive>;
  /** Ends the reading; the store stays open. */
  close(): void;
}
