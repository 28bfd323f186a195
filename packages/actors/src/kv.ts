import type { ByteSource } from "./blob.ts";

/** Text keys are their UTF-8 bytes; entries are ordered by bytes. At most 2 KiB. */
export type KvKey = string | Uint8Array;

/** Text values are their UTF-8 bytes. At most 2 MiB. */
export type KvValue = string | Uint8Array | ArrayBuffer;

/** One entry of a batch. */
export type KvEntryInput = readonly [key: KvKey, value: KvValue];

/** Accepted for compatibility: the type is detected. */
export interface KvWriteOptions {
  readonly type?: KvType;
}

/** How values are returned: as text (the default), as `Uint8Array`, as `ArrayBuffer`. */
export type KvType = "text" | "binary" | "arrayBuffer";

/** Maps a type of `c.kv` to the type of the value. */
export type KvAs<Type extends KvType> = Type extends "text"
  ? string
  : Type extends "binary"
    ? Uint8Array<ArrayBuffer>
    : ArrayBuffer;

/** Options of `c.kv.get`. */
export interface KvReadOptions<Type extends KvType = "text"> {
  /** The type of the values. */
  readonly type?: Type;
}

/** Options of `c.kv.list`. */
export interface KvListOptions<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">
  extends KvReadOptions<Type> {
  readonly keyType?: KeyType;
  /** Descending order. */
  readonly reverse?: boolean;
  /** At most this many entries; 16,384 by default. */
  readonly limit?: number;
}

/** An entry of a list. */
export type KvPair<Type extends KvType, KeyType extends "text" | "binary"> = [
  key: KvAs<KeyType>,
  value: KvAs<Type>,
];

/**
 * The ordered key-value store of one actor. Writes are part of the turn: they commit with the state, and reads see
 * them immediately. Errors: `kv.key_too_large`, `kv.value_too_large`, `kv.invalid_key`, `kv.invalid_value`,
 * `kv.invalid_limit`, `kv.too_many_keys`, `kv.batch_too_large`, `kv.value_is_stream` (a value over 2 MiB is read with
 * `getStream`), and those of the store.
 */
export interface ActorKv {
  /** Returns `null` if the key does not exist. */
  get<Type extends KvType = "text">(key: KvKey, options?: KvReadOptions<Type>): Promise<KvAs<Type> | null>;
  put(key: KvKey, value: KvValue, options?: KvWriteOptions): Promise<void>;
  delete(key: KvKey): Promise<void>;
  /** The values of at most 16,384 keys, in their order; `null` for those that are absent. */
  batchGet<Type extends KvType = "binary">(
    keys: readonly KvKey[],
    options?: KvReadOptions<Type>,
  ): Promise<(KvAs<Type> | null)[]>;
  /** Puts at most 16,384 entries of 16 MiB in total, atomically: if one is rejected, none is written. */
  batchPut(entries: readonly KvEntryInput[]): Promise<void>;
  /** Deletes at most 16,384 keys. */
  batchDelete(keys: readonly KvKey[]): Promise<void>;
  /**
   * Streams a value of up to 1 GiB from `source`. Resolves when all of it is stored; it is then available to
   * `getStream`, and durable with the commit of the turn.
   */
  putStream(key: KvKey, source: ByteSource): Promise<void>;
  /** Streams a value of any size; undefined if it does not exist. */
  getStream(key: KvKey): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Deletes the keys with `start <= key < end`; without `end`, all from `start`. */
  deleteRange(start: KvKey, end?: KvKey): Promise<void>;
  /** Lists the entries whose key begins with `prefix`, in order; all of them without it. Keys include the prefix. */
  list<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    prefix?: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<KvPair<Type, KeyType>[]>;
  /** The same as `list`. */
  listPrefix<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    prefix?: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<KvPair<Type, KeyType>[]>;
  /** The entries with `start <= key < end`; without `end`, all from `start`. */
  listRange<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    start: KvKey,
    end?: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<KvPair<Type, KeyType>[]>;
}
