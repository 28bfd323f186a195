import {
  type ActorImage,
  type ActorRecord,
  type HistoryStore,
  type ImagePart,
  invalidImport,
  type KvEntry,
  type NewIdentity,
  type StoredState,
} from "@holdfast/actors";
import type { MemoryBlobs } from "./blobs.ts";

/** Stored image of an actor in a memory store. */
export interface MemoryImage {
  readonly record: ActorRecord;
  readonly state: StoredState | undefined;
  readonly entries: readonly KvEntry[];
  readonly database: Uint8Array | undefined;
}

export interface MemoryHistoryHost {
  readonly blobs: MemoryBlobs;
  /** Throws `actor.not_found`. */
  image(actorId: string): MemoryImage;
  stateAt(actorId: string, at: number): StoredState | undefined;
  restore(
    as: NewIdentity,
    image: Omit<MemoryImage, "record">,
    wakeAt: number | undefined,
  ): Promise<ActorRecord>;
}

/** History and copies of the actors of a memory store. */
export class MemoryHistory implements HistoryStore {
  readonly #host: MemoryHistoryHost;

  constructor(host: MemoryHistoryHost) {
    this.#host = host;
  }

  async stateAt(actorId: string, at: number): Promise<StoredState | undefined> {
    return this.#host.stateAt(actorId, at);
  }

  async image(actorId: string): Promise<ActorImage> {
    const { record, state, entries, database } = this.#host.image(actorId);
    const { name, key, createdAt, version, wakeAt } = record;
    const parts: ImagePart[] = [];
    if (state !== undefined) {
      parts.push({ type: "snapshot", bytes: state.snapshot });
      for (const bytes of state.patches) parts.push({ type: "patch", bytes });
    }
    if (entries.length > 0) parts.push({ type: "entries", entries });
    if (database !== undefined) parts.push({ type: "database", bytes: database });
    for (const [hash, bytes] of this.#host.blobs.all(actorId))
      parts.push({ type: "blob", hash }, { type: "bytes", bytes });
    return {
      header: {
        name,
        key,
        createdAt,
        version,
        hasDatabase: database !== undefined,
        ...(wakeAt === undefined ? {} : { wakeAt }),
      },
      parts: (async function* () {
        yield* parts;
      })(),
    };
  }

  async restore(image: ActorImage, as: NewIdentity): Promise<ActorRecord> {
    let snapshot: Uint8Array | undefined;
    const patches: Uint8Array[] = [];
    const entries: KvEntry[] = [];
    const database: Uint8Array[] = [];
    const blobs: { readonly hash: string; readonly pieces: Uint8Array[] }[] = [];
    for await (const part of image.parts) {
      if (part.type === "snapshot") snapshot = part.bytes;
      else if (part.type === "patch") patches.push(part.bytes);
      else if (part.type === "entries") entries.push(...part.entries);
      else if (part.type === "database") database.push(part.bytes);
      else if (part.type === "blob") blobs.push({ hash: part.hash, pieces: [] });
      else blobs.at(-1)?.pieces.push(part.bytes);
    }
    if (snapshot === undefined && patches.length > 0)
      throw invalidImport("The image has a patch before its first snapshot");
    for (const { hash, pieces } of blobs) {
      const source = (async function* () {
        yield* pieces;
      })();
      if ((await this.#host.blobs.put(as.id, source, Number.MAX_SAFE_INTEGER)).hash === hash) continue;
      this.#host.blobs.removeAll(as.id);
      throw invalidImport("A blob of the image is damaged");
    }
    const content = {
      state: snapshot === undefined ? undefined : { snapshot, patches },
      entries,
      database: database.length === 0 ? undefined : new Uint8Array(Buffer.concat(database)),
    };
    try {
      return await this.#host.restore(as, content, image.header.wakeAt);
    } catch (error) {
      this.#host.blobs.removeAll(as.id);
      throw error;
    }
  }
}
