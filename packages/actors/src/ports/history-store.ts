import type { ActorKey } from "@holdfast/core";
import type { ActorRecord, KvEntry, StoredState } from "./records.ts";

/** What an actor is, in an image of it. */
export interface ImageHeader {
  readonly name: string;
  readonly key: ActorKey;
  readonly createdAt: number;
  readonly version: number;
  readonly wakeAt?: number;
  /** Whether the actor has an SQLite database. */
  readonly hasDatabase: boolean;
}

/**
 * A piece of an image. The state comes as a snapshot and patches after it; the database as the bytes of
 * an SQLite file that holds the user's tables only; each object as its hash, then its bytes.
 */
export type ImagePart =
  | { readonly type: "snapshot" | "patch"; readonly bytes: Uint8Array }
  | { readonly type: "entries"; readonly entries: readonly KvEntry[] }
  | { readonly type: "database"; readonly bytes: Uint8Array }
  | { readonly type: "blob"; readonly hash: string }
  | { readonly type: "bytes"; readonly bytes: Uint8Array };

/** All of an actor at one moment. `parts` are to be read to their end, or returned from early. */
export interface ActorImage {
  readonly header: ImageHeader;
  readonly parts: AsyncIterable<ImagePart>;
}

/** Who a restored actor is. */
export interface NewIdentity {
  readonly id: string;
  readonly name: string;
  readonly key: ActorKey;
  readonly createdAt: number;
}

/** The past of actors, and copies of them: `ActorStore.history`. */
export interface HistoryStore {
  /** The state as it was at a time; undefined where that is not kept (any more). */
  stateAt(actorId: string, at: number): Promise<StoredState | undefined>;
  /** A consistent, durable image of a living actor. Throws `actor.not_found`. */
  image(actorId: string): Promise<ActorImage>;
  /**
   * Makes an actor of an image: all of it or nothing. Throws `actor.duplicate_key`, and
   * `store.invalid_import` when the image is damaged.
   */
  restore(image: ActorImage, as: NewIdentity): Promise<ActorRecord>;
}
