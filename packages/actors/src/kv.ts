/** Text keys are their UTF-8 bytes; entries are ordered by bytes. At most 2 KiB. */
export type KvKey = string | Uint8Array;

/** Text values are their UTF-8 bytes. At most 2 MiB. */
export type KvValue = string | Uint8Array | ArrayBuffer;

/** How bytes are handed out: as text (the default), as `Uint8Array`, as `ArrayBuffer`. */
export type KvType = "text" | "binary" | "arrayBuffer";

export type KvAs<Type extends KvType> = Type extends "text"
  ? string
  : Type extends "binary"
    ? Uint8Array
    : ArrayBuffer;

export interface KvReadOptions<Type extends KvType = "text"> {
  /** The type of the values. */
  readonly type?: Type;
}

export interface KvListOptions<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">
  extends KvReadOptions<Type> {
  readonly keyType?: KeyType;
  /** Descending order. */
  readonly reverse?: boolean;
  /** At most this many entries; 16,384 unless given. */
  readonly limit?: number;
}

export type KvPair<Type extends KvType, KeyType extends "text" | "binary"> = [
  key: KvAs<KeyType>,
  value: KvAs<Type>,
];

/**
 * The ordered key-value store of one actor. Writes are part of the turn: they commit with the state,
 * and reads see them at once. Errors: `kv.key_too_large`, `kv.value_too_large`, `kv.invalid_key`,
 * `kv.invalid_value`, and those of the store.
 */
export interface ActorKv {
  get<Type extends KvType = "text">(
    key: KvKey,
    options?: KvReadOptions<Type>,
  ): Promise<KvAs<Type> | undefined>;
  put(key: KvKey, value: KvValue): Promise<void>;
  delete(key: KvKey): Promise<void>;
  /** Deletes the keys with `start <= key < end`; without `end`, all from `start`. */
  deleteRange(start: KvKey, end?: KvKey): Promise<void>;
  /** The entries whose key begins with `prefix`, in order. Keys are returned whole. */
  list<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    prefix: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<KvPair<Type, KeyType>[]>;
  /** The entries with `start <= key < end`; without `end`, all from `start`. */
  listRange<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    start: KvKey,
    end?: KvKey,
    options?: KvListOptions<Type, KeyType>,
  ): Promise<KvPair<Type, KeyType>[]>;
}
