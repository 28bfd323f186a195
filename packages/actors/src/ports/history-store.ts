import type { ActorKey } from "@holdfast/core";
import type { ActorRecord, KvEntry, StoredState } from "./records.ts";

/** Identity and version of an actor in an image. */
export interface ImageHeader {
  readonly name: string;
  readonly key: ActorKey;
  readonly createdAt: number;
  readonly version: number;
  readonly wakeAt?: number;
  /** True if the actor has an SQLite database. */
  readonly hasDatabase: boolean;
}

/**
 * A part of an image. The state is a snapshot and subsequent patches; the database is an SQLite file with only the
 * user's tables; each object is its hash, then its bytes.
 */
export type ImagePart =
  | { readonly type: "snapshot" | "patch"; readonly bytes: Uint8Array }
  | { readonly type: "entries"; readonly entries: readonly KvEntry[] }
  | { readonly type: "database"; readonly bytes: Uint8Array }
  | { readonly type: "blob"; readonly hash: string }
  | { readonly type: "bytes"; readonly bytes: Uint8Array };

/** An actor at one point in time. Read `parts` to the end, or return early. */
export interface ActorImage {
  readonly header: ImageHeader;
  readonly parts: AsyncIterable<ImagePart>;
}

/** The identity of a restored actor. */
export interface NewIdentity {
  readonly id: string;
  readonly name: string;
  readonly key: ActorKey;
  readonly createdAt: number;
}

/** History and copies of actors: `ActorStore.history`. */
export interface HistoryStore {
  /** The state at a time; undefined if it is not retained. */
  stateAt(actorId: string, at: number): Promise<StoredState | undefined>;
  /** A consistent, durable image of an existing actor. Throws `actor.not_found`. */
  image(actorId: string): Promise<ActorImage>;
  /**
   * Creates an actor from an image, completely or not at all. Throws `actor.duplicate_key`, and `store.invalid_import`
   * if the image is damaged.
   */
  restore(image: ActorImage, as: NewIdentity): Promise<ActorRecord>;
}
