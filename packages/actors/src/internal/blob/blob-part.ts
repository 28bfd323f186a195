import { HoldfastError } from "@holdfast/core";
import type { ActorBlobs, BlobInfo, BlobListOptions, BlobRange, BlobStore, ByteSource } from "../../blob.ts";
import { afterPrefix, latin1 } from "../kv/entry-buffer.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import { type HotRecords, type Part, recordPrefix } from "../lifecycle/part.ts";
import { cancelSource, chunksOf, collect } from "./bytes.ts";
import {
  decodeSize,
  decodeStream,
  encodeSize,
  encodeStream,
  hashOfKey,
  parseHash,
  referenceKey,
  referenceKind,
  referencesKey,
} from "./references.ts";

type BlobDependencies = Pick<ActorCore, "id" | "log" | "phase" | "records">;

const maxBlobBytes = 10 * 1_073_741_824;
const defaultListLimit = 1_000;

/**
 * The objects of one running actor: those of `c.blob`, and values of `c.kv` that are too large for an entry. Records
 * refer to an object by its hash; an object without records is removed once the commit that deleted the last one is
 * durable.
 */
export class BlobPart implements Part, ActorBlobs {
  readonly #actor: BlobDependencies;
  readonly #blobs: BlobStore;
  /** Streamed values of `c.kv`, by key as Latin-1 text. */
  #streams = new Map<string, BlobInfo>();
  #streamsBefore: Map<string, BlobInfo> | undefined;
  /** Objects that may have lost their last reference, durably or not. */
  readonly #unused = new Set<string>();
  /** Number of objects being stored, which have no reference yet. */
  #puts = 0;
  /** Number of objects stored so far. */
  #stored = 0;
  #stopped = false;
  #swept = false;

  constructor(actor: BlobDependencies, blobs: BlobStore) {
    this.#actor = actor;
    this.#blobs = blobs;
  }

  load(hot: HotRecords): void {
    for (const { key, value } of hot.get(recordPrefix.kvStream) ?? []) {
      this.#streams.set(latin1(key.subarray(1)), decodeStream(value));
    }
  }

  async put(source: ByteSource): Promise<BlobInfo> {
    const pieces = chunksOf(source);
    try {
      return await this.#store(pieces, maxBlobBytes, ({ hash, size }) => {
        this.#actor.records.put(referenceKey(hash, referenceKind.blob), encodeSize(size));
      });
    } catch (error) {
      await cancelSource(pieces, source);
      throw error;
    }
  }

  async get(hash: string, range: BlobRange = {}): Promise<ReadableStream<Uint8Array> | undefined> {
    const size = await this.#size(hash);
    if (size === undefined) return undefined;
    const { start = 0, end = size } = range;
    if (!isOffset(start) || !isOffset(end) || start > end) {
      const message = "A range has a start and an end in whole bytes, and the start is not after the end";
      throw new HoldfastError("store", "invalid_range", message, { statusCode: 400 });
    }
    const stream = await this.#blobs.read(this.#actor.id, hash, {
      start: Math.min(start, size),
      end: Math.min(end, size),
    });
    if (stream === undefined) throw missing(hash);
    return stream;
  }

  async bytes(hash: string): Promise<Uint8Array | undefined> {
    const stream = await this.get(hash);
    return stream === undefined ? undefined : collect(stream);
  }

  async has(hash: string): Promise<boolean> {
    return (await this.#size(hash)) !== undefined;
  }

  async delete(hash: string): Promise<boolean> {
    const present = await this.has(hash);
    if (!present) return false;
    this.#actor.records.delete(referenceKey(hash, referenceKind.blob));
    this.#unused.add(hash);
    return true;
  }

  async list(options: BlobListOptions = {}): Promise<BlobInfo[]> {
    const { limit = defaultListLimit, after } = options;
    if (!Number.isSafeInteger(limit) || limit < 0) {
      throw new HoldfastError("store", "invalid_range", "A limit is a whole number", { statusCode: 400 });
    }
    const first =
      after === undefined ? new Uint8Array([recordPrefix.blob]) : afterPrefix(referencesKey(after));
    const found: BlobInfo[] = [];
    let start = first;
    while (start !== undefined && found.length < limit) {
      const end = new Uint8Array([recordPrefix.blob + 1]);
      const page = await this.#actor.records.list({ start, end, limit: 1_000 });
      for (const { key, value } of page) {
        const { hash, kind } = hashOfKey(key);
        if (kind === referenceKind.blob && found.length < limit)
          found.push({ hash, size: decodeSize(value) });
      }
      const last = page.at(-1);
      start = last === undefined || page.length < 1_000 ? undefined : new Uint8Array([...last.key, 0]);
    }
    return found;
  }

  async #size(hash: string): Promise<number | undefined> {
    parseHash(hash);
    const value = await this.#actor.records.get(referenceKey(hash, referenceKind.blob));
    return value === undefined ? undefined : decodeSize(value);
  }

  /** Stores an object. `refer` writes its reference synchronously, so that no cleanup can remove it in between. */
  async #store(
    pieces: AsyncIterable<Uint8Array>,
    maxBytes: number,
    refer: (info: BlobInfo) => void,
  ): Promise<BlobInfo> {
    if (this.#actor.phase.sealed) throw stoppedError();
    await this.#sweep();
    this.#puts++;
    try {
      const info = await this.#blobs.put(this.#actor.id, pieces, maxBytes);
      refer(info);
      this.#stored++;
      return info;
    } finally {
      this.#puts--;
      this.#removeUnused();
    }
  }

  /** Removes the leftovers of a failed turn, once, before the first object is stored. */
  async #sweep(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    for (const hash of await this.#blobs.list(this.#actor.id)) this.#unused.add(hash);
  }

  // Values of c.kv

  stream(key: Uint8Array): BlobInfo | undefined {
    return this.#streams.get(latin1(key));
  }

  get hasStreams(): boolean {
    return this.#streams.size > 0;
  }

  /** `enter` writes the entry of the key, together with the reference, in one turn. */
  async putStream(
    key: Uint8Array,
    pieces: AsyncIterable<Uint8Array>,
    maxBytes: number,
    enter: () => void,
  ): Promise<void> {
    await this.#store(pieces, maxBytes, (info) => {
      this.#actor.records.put(referenceKey(info.hash, referenceKind.kv, key), encodeSize(info.size));
      const before = this.stream(key);
      if (before !== undefined && before.hash !== info.hash) this.forgetStream(key);
      this.#streams.set(latin1(key), info);
      this.#actor.records.put(streamKey(key), encodeStream(info));
      enter();
    });
  }

  async readStream(info: BlobInfo): Promise<ReadableStream<Uint8Array>> {
    const stream = await this.#blobs.read(this.#actor.id, info.hash, { start: 0, end: info.size });
    if (stream === undefined) throw missing(info.hash);
    return stream;
  }

  forgetStream(key: Uint8Array): void {
    const info = this.#streams.get(latin1(key));
    if (info === undefined) return;
    this.#streams.delete(latin1(key));
    this.#actor.records.delete(streamKey(key));
    this.#actor.records.delete(referenceKey(info.hash, referenceKind.kv, key));
    this.#unused.add(info.hash);
  }

  forgetStreams(start: Uint8Array, end: Uint8Array | undefined): void {
    const [from, to] = [latin1(start), end && latin1(end)];
    for (const text of this.#streams.keys()) {
      if (text >= from && (to === undefined || text < to)) {
        this.forgetStream(Uint8Array.from(text, (char) => char.charCodeAt(0)));
      }
    }
  }

  // Part of the actor

  savepoint(): void {
    this.#streamsBefore = new Map(this.#streams);
  }

  keep(): void {
    this.#streamsBefore = undefined;
  }

  rollback(): void {
    // Without a savepoint, the transaction itself created this part, which was empty before.
    this.#streams = this.#streamsBefore ?? new Map();
    this.#streamsBefore = undefined;
    this.#swept = false;
  }

  landed(): void {
    this.#removeUnused();
  }

  /** The objects now belong to the next instance. */
  stopped(): void {
    this.#stopped = true;
  }

  /** While an object is being stored, it may look unused: the check is repeated afterwards. */
  #removeUnused(): void {
    if (this.#puts > 0 || this.#unused.size === 0) return;
    const unused = [...this.#unused];
    this.#unused.clear();
    for (const hash of unused) void this.#removeIfUnused(hash);
  }

  async #removeIfUnused(hash: string): Promise<void> {
    try {
      const { records, id } = this.#actor;
      const start = referencesKey(hash);
      const references = { start, end: afterPrefix(start), limit: 1 };
      let stored: number;
      do {
        stored = this.#stored;
        const [reference] = await records.list(references);
        if (reference !== undefined || this.#stopped) return;
        // A deleted reference may return if its deletion is not durable.
        if (this.#puts > 0 || records.isPending(references)) {
          this.#unused.add(hash);
          return;
        }
        // The list may lack an object stored during the query: it is repeated then.
      } while (stored !== this.#stored);
      this.#blobs.remove(id, hash);
    } catch (error) {
      this.#actor.log.warn("an unreferenced object could not be removed", { hash, error });
    }
  }
}

function streamKey(key: Uint8Array): Uint8Array {
  const record = new Uint8Array(key.length + 1);
  record[0] = recordPrefix.kvStream;
  record.set(key, 1);
  return record;
}

function isOffset(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function missing(hash: string): HoldfastError {
  return new HoldfastError("store", "corrupt", "The bytes of an object are missing", {
    metadata: { hash },
  });
}
