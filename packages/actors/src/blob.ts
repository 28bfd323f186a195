/** Bytes, or a stream of them. */
export type ByteSource =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** A stored object. */
export interface BlobInfo {
  /** SHA-256 of the bytes, in lower-case hexadecimal. */
  readonly hash: string;
  /** Size in bytes. */
  readonly size: number;
}

/** `start <= offset < end`, in bytes; to the end without `end`. */
export interface BlobRange {
  readonly start?: number;
  readonly end?: number;
}

/** The requested page of `c.blob.list`. */
export interface BlobListOptions {
  /** Maximum number of objects; 1,000 by default. */
  readonly limit?: number;
  /** The hash after which the page starts. */
  readonly after?: string;
}

/**
 * `c.blob`: large objects of one actor, stored beside its database under the hash of their content. The reference to
 * an object is part of the turn: it commits with it, and is discarded if the commit fails. Errors:
 * `store.blob_too_large`, `store.invalid_hash`, `store.invalid_range`, `store.invalid_blob`, and those of the store.
 */
export interface ActorBlobs {
  /** Stores an object of up to 10 GiB. Equal content is stored once. */
  put(source: ByteSource): Promise<BlobInfo>;
  /** Streams the object, or a range of it; undefined if it does not exist. */
  get(hash: string, range?: BlobRange): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Returns all bytes of a small object. */
  bytes(hash: string): Promise<Uint8Array | undefined>;
  has(hash: string): Promise<boolean>;
  /** Returns whether the object existed. */
  delete(hash: string): Promise<boolean>;
  /** Lists objects, ordered by hash. */
  list(options?: BlobListOptions): Promise<BlobInfo[]>;
}

/**
 * Storage of large objects: `ActorStore.blobs`. An object exists as long as the actor has a record that refers to it
 * (`blobReferencePrefix`); without one it is removed once it is unused, or after a crash when the store opens.
 */
export interface BlobStore {
  /** Stores the bytes of `source` durably. Throws `store.blob_too_large` beyond `maxBytes`. */
  put(actorId: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BlobInfo>;
  /** Undefined if the actor has no such object. */
  read(
    actorId: string,
    hash: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Removes an object without references. */
  remove(actorId: string, hash: string): void;
  /** The hashes of all objects of the actor, with or without references. */
  list(actorId: string): Promise<readonly string[]>;
}
