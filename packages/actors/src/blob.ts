/** Bytes at once, or as they come. */
export type ByteSource =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** An object and how large it is. */
export interface BlobInfo {
  /** SHA-256 of its bytes, in lower-case hexadecimal. */
  readonly hash: string;
  /** In bytes. */
  readonly size: number;
}

/** `start <= offset < end`, in bytes; to the end unless `end` is given. */
export interface BlobRange {
  readonly start?: number;
  readonly end?: number;
}

/** Which page of the objects `c.blob.list` answers with. */
export interface BlobListOptions {
  /** At most this many; 1,000 unless given. */
  readonly limit?: number;
  /** The hash after which the list begins. */
  readonly after?: string;
}

/**
 * `c.blob`: large objects of one actor, beside its database, by the hash of their content. What an
 * object is put under is part of the turn: it is kept with the commit, and gone if that fails.
 *
 * Errors: `store.blob_too_large`, `store.invalid_hash`, `store.invalid_range`, `store.invalid_blob`, and
 * those of the store.
 */
export interface ActorBlobs {
  /** Takes an object of up to 10 GiB. The same content is kept once. */
  put(source: ByteSource): Promise<BlobInfo>;
  /** The object, or a part of it, in pieces; undefined when there is none. */
  get(hash: string, range?: BlobRange): Promise<ReadableStream<Uint8Array> | undefined>;
  /** All of a small object. */
  bytes(hash: string): Promise<Uint8Array | undefined>;
  has(hash: string): Promise<boolean>;
  /** Returns whether it was there. */
  delete(hash: string): Promise<boolean>;
  /** Objects in the order of their hashes. */
  list(options?: BlobListOptions): Promise<BlobInfo[]>;
}

/**
 * Where the bytes of objects are kept: `ActorStore.blobs`. An object lives as long as the actor has a
 * record that refers to it (`blobReferencePrefix`); what has none is removed when nobody uses it, after
 * a crash when the store is opened.
 */
export interface BlobStore {
  /** Keeps what `source` gives, durably. Throws `store.blob_too_large` beyond `maxBytes`. */
  put(actorId: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BlobInfo>;
  /** Undefined when the actor has no such object. */
  read(
    actorId: string,
    hash: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Removes an object without references. */
  remove(actorId: string, hash: string): void;
  /** The hashes of all objects that the actor has, referred to or not. */
  list(actorId: string): Promise<readonly string[]>;
}
