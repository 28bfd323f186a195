import { HoldfastError } from "@holdfast/core";
import type { ByteSource } from "../../blob.ts";
import type {
  ActorKv,
  KvAs,
  KvEntryInput,
  KvKey,
  KvListOptions,
  KvPair,
  KvReadOptions,
  KvType,
  KvValue,
  KvWriteOptions,
} from "../../kv.ts";
import type { BlobPart } from "../blob/blob-part.ts";
import { cancelSource, chunksOf, concat, streamOf } from "../blob/bytes.ts";
import { afterPrefix, type EntryBuffer } from "./entry-buffer.ts";

/** Sizes in bytes. */
const kvLimits = {
  maxKeyBytes: 2_048,
  maxValueBytes: 2_097_152,
  maxStreamBytes: 1_073_741_824,
  maxBatchKeys: 16_384,
  maxBatchBytes: 16 * 1_048_576,
  defaultListLimit: 16_384,
} as const;

/** Storage for values that are too large for an entry. */
export interface KvStreams {
  /** Set once any exist. */
  readonly existingBlobs: BlobPart | undefined;
  readonly blobs: BlobPart;
}

const encoder = new TextEncoder();
/** The text is user data, including a leading byte order mark. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** `c.kv`: the key-value store of one actor. */
export class KvBuffer implements ActorKv {
  readonly #entries: EntryBuffer;
  readonly #streams: KvStreams;

  constructor(entries: EntryBuffer, streams: KvStreams) {
    this.#entries = entries;
    this.#streams = streams;
  }

  async get<Type extends KvType = "text">(
    key: KvKey,
    options?: KvReadOptions<Type>,
  ): Promise<KvAs<Type> | null> {
    const value = await this.#get(keyBytes(key));
    return value === undefined ? null : toRequestedType(value, options?.type);
  }

  async #get(key: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#streams.existingBlobs?.stream(key) !== undefined) {
      throw invalid("value_is_stream", "The value is too large to be read at once: read it with getStream");
    }
    return this.#entries.get(key);
  }

  put(key: KvKey, value: KvValue, _options?: KvWriteOptions): Promise<void> {
    return toPromise(() => this.#put(keyBytes(key), valueBytes(value)));
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    this.#entries.put(key, value);
    this.#streams.existingBlobs?.forgetStream(key);
  }

  delete(key: KvKey): Promise<void> {
    return toPromise(() => this.#delete(keyBytes(key)));
  }

  #delete(key: Uint8Array): void {
    this.#entries.delete(key);
    this.#streams.existingBlobs?.forgetStream(key);
  }

  async batchGet<Type extends KvType = "binary">(
    keys: readonly KvKey[],
    options?: KvReadOptions<Type>,
  ): Promise<(KvAs<Type> | null)[]> {
    const keyList = checkBatch(keys).map(keyBytes);
    const values = await Promise.all(keyList.map((key) => this.#get(key)));
    // The `type` option determines the result type, which TypeScript cannot derive for the default.
    const type = (options?.type ?? "binary") as Type;
    return values.map((value) => (value === undefined ? null : toRequestedType(value, type)));
  }

  batchPut(entries: readonly KvEntryInput[]): Promise<void> {
    return toPromise(() => {
      const checked = checkBatch(entries).map(entryBytes);
      const size = checked.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
      if (size > kvLimits.maxBatchBytes) {
        throw invalid("batch_too_large", `A batch is larger than ${kvLimits.maxBatchBytes} bytes`);
      }
      for (const [key, value] of checked) this.#put(key, value);
    });
  }

  batchDelete(keys: readonly KvKey[]): Promise<void> {
    return toPromise(() => {
      for (const key of checkBatch(keys).map(keyBytes)) this.#delete(key);
    });
  }

  async putStream(key: KvKey, source: ByteSource): Promise<void> {
    const pieces = chunksOf(source);
    try {
      await this.#putStream(keyBytes(key), pieces);
    } catch (error) {
      await cancelSource(pieces, source);
      throw error;
    }
  }

  async #putStream(bytes: Uint8Array, pieces: AsyncGenerator<Uint8Array>): Promise<void> {
    const head: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const next = await pieces.next();
      if (next.done === true) return this.#put(bytes, concat(head));
      // The source may reuse the same memory for every chunk.
      head.push(new Uint8Array(next.value));
      size += next.value.length;
      if (size > kvLimits.maxValueBytes) break;
    }
    await this.#streams.blobs.putStream(bytes, prepend(head, pieces), kvLimits.maxStreamBytes, () =>
      this.#entries.put(bytes, new Uint8Array(0)),
    );
  }

  async getStream(key: KvKey): Promise<ReadableStream<Uint8Array> | undefined> {
    const bytes = keyBytes(key);
    const blobs = this.#streams.existingBlobs;
    const info = blobs?.stream(bytes);
    if (blobs !== undefined && info !== undefined) return blobs.readStream(info);
    const value = await this.#entries.get(bytes);
    return value === undefined ? undefined : streamOf(new Uint8Array(value));
  }

  deleteRange(startKey: KvKey, endKey?: KvKey): Promise<void> {
    return toPromise(() => {
      const start = keyBytes(startKey);
      const end = endKey === undefined ? undefined : keyBytes(endKey);
      this.#entries.deleteRange(start, end);
      this.#streams.existingBlobs?.forgetStreams(start, end);
    });
  }

  async list<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    prefix: KvKey = "",
    options: KvListOptions<Type, KeyType> = {},
  ): Promise<KvPair<Type, KeyType>[]> {
    const start = keyBytes(prefix);
    return this.#read(start, afterPrefix(start), options);
  }

  listPrefix<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    prefix?: KvKey,
    options: KvListOptions<Type, KeyType> = {},
  ): Promise<KvPair<Type, KeyType>[]> {
    return this.list(prefix, options);
  }

  async listRange<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    start: KvKey,
    end?: KvKey,
    options: KvListOptions<Type, KeyType> = {},
  ): Promise<KvPair<Type, KeyType>[]> {
    return this.#read(keyBytes(start), end === undefined ? undefined : keyBytes(end), options);
  }

  async #read<Type extends KvType, KeyType extends "text" | "binary">(
    start: Uint8Array,
    end: Uint8Array | undefined,
    options: KvListOptions<Type, KeyType>,
  ): Promise<KvPair<Type, KeyType>[]> {
    const limit = options.limit ?? kvLimits.defaultListLimit;
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw invalid("invalid_limit", "A limit is a whole number");
    if (limit === 0) return [];
    const entries = await this.#entries.list({ start, end, limit, reverse: options.reverse === true });
    return entries.map(
      ({ key, value }): KvPair<Type, KeyType> => [
        toRequestedType(key, options.keyType),
        toRequestedType(value, options.type),
      ],
    );
  }
}

/** Turns an error of a synchronous write into a rejection. */
function toPromise(write: () => void): Promise<void> {
  try {
    write();
    return Promise.resolve();
  } catch (error) {
    return Promise.reject(error);
  }
}

function keyBytes(key: KvKey): Uint8Array {
  if (typeof key !== "string" && !(key instanceof Uint8Array)) {
    throw invalid("invalid_key", "A key is a string or a Uint8Array");
  }
  const bytes = typeof key === "string" ? encoder.encode(key) : new Uint8Array(key);
  return checkSize(bytes, "key_too_large", "KV key", kvLimits.maxKeyBytes);
}

function valueBytes(value: KvValue): Uint8Array {
  return checkSize(copyBytes(value), "value_too_large", "KV value", kvLimits.maxValueBytes);
}

function checkSize(bytes: Uint8Array, code: string, what: string, limit: number): Uint8Array {
  const size = bytes.length;
  if (size <= limit) return bytes;
  throw new HoldfastError("kv", code, `${what} too large (${size} bytes). Limit is ${limit} bytes.`, {
    metadata: { limit, size },
  });
}

function entryBytes(entry: KvEntryInput): readonly [Uint8Array, Uint8Array] {
  if (!Array.isArray(entry)) throw invalid("invalid_value", "An entry is a key and a value");
  return [keyBytes(entry[0]), valueBytes(entry[1])];
}

function checkBatch<T>(items: readonly T[]): readonly T[] {
  if (!Array.isArray(items)) throw invalid("invalid_value", "A batch is an array");
  if (items.length > kvLimits.maxBatchKeys) {
    throw invalid("too_many_keys", `A batch has more than ${kvLimits.maxBatchKeys} keys`);
  }
  return items;
}

async function* prepend(
  head: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* head;
  yield* rest;
}

function copyBytes(value: KvValue): Uint8Array {
  if (typeof value === "string") return encoder.encode(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  throw invalid("invalid_value", "A value is a string, a Uint8Array or an ArrayBuffer");
}

/** Converts bytes into the requested type. The generic type follows from the option, which TypeScript cannot derive. */
function toRequestedType<Type extends KvType>(bytes: Uint8Array, type: Type | undefined): KvAs<Type> {
  return decodeAs(bytes, type ?? "text") as KvAs<Type>;
}

/** Throws a TypeError for an unknown type: callers in JavaScript can pass anything. */
function decodeAs(bytes: Uint8Array, type: KvType): string | Uint8Array | ArrayBuffer {
  switch (type) {
    case "text":
      return decoder.decode(bytes);
    case "binary":
      return new Uint8Array(bytes);
    case "arrayBuffer":
      return new Uint8Array(bytes).buffer;
    default:
      throw new TypeError("Invalid kv value type");
  }
}

function invalid(code: string, message: string): HoldfastError {
  return new HoldfastError("kv", code, message);
}
