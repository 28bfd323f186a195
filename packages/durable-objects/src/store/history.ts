/** Images of actors in an object: exports, and the states of earlier times. */
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
import { duplicateKey, notFound, notSupported } from "../errors.ts";
import { applyCommit, type Tables } from "./commit.ts";
import { integer } from "./rows.ts";

const entriesPerPart = 256;
const maxBlobBytes = 1_073_741_824;

export interface HistoryOptions {
  readonly tables: Tables;
  readonly now: () => number;
  readonly transaction: (work: () => void) => void;
  readonly get: (id: string) => ActorRecord | undefined;
  /** Throws where an object cannot have another actor. */
  readonly assertMayRestore: () => void;
  readonly kvList: (id: string, start: Uint8Array, limit: number) => readonly KvEntry[];
}

interface Received {
  readonly state: StoredState | undefined;
  readonly kv: readonly KvEntry[];
}

export class ObjectHistory implements HistoryStore {
  readonly #options: HistoryOptions;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  async stateAt(actorId: string, at: number): Promise<StoredState | undefined> {
    return this.#options.tables.states.at(actorId, at);
  }

  async image(actorId: string): Promise<ActorImage> {
    const { tables, get } = this.#options;
    const record = get(actorId);
    if (record === undefined || record.destroyedAt !== undefined) throw notFound(actorId);
    const [row] = tables.sql.exec("SELECT has_database FROM _holdfast_actor WHERE id = ?", actorId).toArray();
    if (integer(row ?? {}, "has_database") === 1) {
      throw notSupported(
        "A copy of an actor with c.db",
        "Read its tables in an action, and write them elsewhere.",
      );
    }
    const { name, key, createdAt, version, wakeAt } = record;
    const header = { name, key, createdAt, version, hasDatabase: false };
    // Read now, because the actor keeps running; large objects never change.
    const parts = [...this.#stateParts(actorId), ...this.#entryParts(actorId)];
    const hashes = await tables.blobs.list(actorId);
    return {
      header: wakeAt === undefined ? header : { ...header, wakeAt },
      parts: this.#parts(actorId, parts, hashes),
    };
  }

  async *#parts(
    actorId: string,
    parts: readonly ImagePart[],
    hashes: readonly string[],
  ): AsyncGenerator<ImagePart> {
    yield* parts;
    for (const hash of hashes) {
      const range = { start: 0, end: Number.MAX_SAFE_INTEGER };
      const stream = await this.#options.tables.blobs.read(actorId, hash, range);
      if (stream === undefined) continue;
      yield { type: "blob", hash };
      for await (const bytes of stream) yield { type: "bytes", bytes };
    }
  }

  *#stateParts(actorId: string): Generator<ImagePart> {
    const state = this.#options.tables.states.load(actorId);
    if (state === undefined) return;
    yield { type: "snapshot", bytes: state.snapshot };
    for (const bytes of state.patches) yield { type: "patch", bytes };
  }

  *#entryParts(actorId: string): Generator<ImagePart> {
    let start: Uint8Array = new Uint8Array(0);
    for (;;) {
      const entries = this.#options.kvList(actorId, start, entriesPerPart);
      const last = entries.at(-1);
      if (last === undefined) return;
      yield { type: "entries", entries };
      start = new Uint8Array([...last.key, 0]);
    }
  }

  async restore(image: ActorImage, as: NewIdentity): Promise<ActorRecord> {
    const { tables, get, assertMayRestore } = this.#options;
    assertMayRestore();
    if (get(as.id) !== undefined) throw duplicateKey();
    const parts = image.parts[Symbol.asyncIterator]();
    try {
      const received = await this.#receive(parts, as.id);
      this.#create(image, as, received);
    } catch (error) {
      if (get(as.id) === undefined)
        for (const hash of await tables.blobs.list(as.id)) tables.blobs.remove(as.id, hash);
      throw error;
    } finally {
      await parts.return?.();
    }
    const record = get(as.id);
    if (record === undefined) throw notFound(as.id);
    return record;
  }

  #create({ header }: ActorImage, as: NewIdentity, { state, kv }: Received): void {
    const { tables, now, transaction } = this.#options;
    const base = { actorId: as.id, epoch: 1, commitId: "restored" };
    transaction(() => {
      const first = {
        ...base,
        version: 1,
        create: { name: as.name, key: as.key, createdAt: as.createdAt },
        kv: kv.map((entry) => ({ type: "put", ...entry }) as const),
        ...(header.wakeAt === undefined ? {} : { wakeAt: header.wakeAt }),
        ...(state === undefined ? {} : { state: { type: "snapshot", bytes: state.snapshot } as const }),
      };
      applyCommit(tables, first, now());
      for (const [index, bytes] of (state?.patches ?? []).entries()) {
        applyCommit(tables, { ...base, version: index + 2, state: { type: "patch", bytes } }, now());
      }
    });
  }

  async #receive(parts: AsyncIterator<ImagePart>, actorId: string): Promise<Received> {
    let snapshot: Uint8Array | undefined;
    const patches: Uint8Array[] = [];
    const kv: KvEntry[] = [];
    let next = await parts.next();
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      while (next.done !== true && next.value.type === "bytes") {
        yield next.value.bytes;
        next = await parts.next();
      }
    };
    while (next.done !== true) {
      const part: ImagePart = next.value;
      next = await parts.next();
      switch (part.type) {
        case "snapshot":
          snapshot = part.bytes;
          break;
        case "patch":
          if (snapshot === undefined) throw invalidImport("The image has a patch before its first snapshot");
          patches.push(part.bytes);
          break;
        case "entries":
          kv.push(...part.entries);
          break;
        case "blob": {
          const { hash } = await this.#options.tables.blobs.put(actorId, bytes(), maxBlobBytes);
          if (hash !== part.hash) throw invalidImport("A blob of the image is damaged");
          break;
        }
        case "bytes":
          throw invalidImport("The image has bytes without an object");
        case "database":
          throw notSupported("A copy of an actor with c.db", "Import it into a server.");
      }
    }
    return { kv, state: snapshot === undefined ? undefined : { snapshot, patches } };
  }
}
