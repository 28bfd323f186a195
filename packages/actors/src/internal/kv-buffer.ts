import { HoldfastError } from "@holdfast/core";
import type { ActorKv, KvAs, KvKey, KvListOptions, KvPair, KvReadOptions, KvType, KvValue } from "../kv.ts";
import { afterPrefix, type EntryBuffer } from "./entry-buffer.ts";

/** Sizes in bytes. */
export const kvLimits = { maxKeyBytes: 2_048, maxValueBytes: 2_097_152, defaultListLimit: 16_384 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The key-value store of one actor as user code sees it. */
export class KvBuffer implements ActorKv {
  readonly #entries: EntryBuffer;

  constructor(entries: EntryBuffer) {
    this.#entries = entries;
  }

  async get<Type extends KvType = "text">(
    key: KvKey,
    options?: KvReadOptions<Type>,
  ): Promise<KvAs<Type> | undefined> {
    const value = await this.#entries.get(keyBytes(key));
    return value && present(value, options?.type);
  }

  put(key: KvKey, value: KvValue): Promise<void> {
    return attempt(() => this.#entries.put(keyBytes(key), valueBytes(value)));
  }

  delete(key: KvKey): Promise<void> {
    return attempt(() => this.#entries.delete(keyBytes(key)));
  }

  deleteRange(startKey: KvKey, endKey?: KvKey): Promise<void> {
    return attempt(() => {
      const start = rangeBytes(startKey);
      this.#entries.deleteRange(start, endKey === undefined ? undefined : rangeBytes(endKey));
    });
  }

  async list<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    prefix: KvKey,
    options: KvListOptions<Type, KeyType> = {},
  ): Promise<KvPair<Type, KeyType>[]> {
    const start = rangeBytes(prefix);
    return this.#read(start, afterPrefix(start), options);
  }

  async listRange<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    start: KvKey,
    end?: KvKey,
    options: KvListOptions<Type, KeyType> = {},
  ): Promise<KvPair<Type, KeyType>[]> {
    return this.#read(rangeBytes(start), end === undefined ? undefined : rangeBytes(end), options);
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
        present(key, options.keyType),
        present(value, options.type),
      ],
    );
  }
}

/** Writes are synchronous; a refusal reaches the caller as a rejection all the same. */
function attempt(write: () => void): Promise<void> {
  try {
    write();
    return Promise.resolve();
  } catch (error) {
    return Promise.reject(error);
  }
}

function keyBytes(key: KvKey): Uint8Array {
  const bytes = rangeBytes(key);
  if (bytes.length === 0) throw invalid("invalid_key", "A key is not empty");
  return bytes;
}

function rangeBytes(key: KvKey): Uint8Array {
  if (typeof key !== "string" && !(key instanceof Uint8Array)) {
    throw invalid("invalid_key", "A key is text or a Uint8Array");
  }
  const bytes = typeof key === "string" ? encoder.encode(key) : new Uint8Array(key);
  if (bytes.length > kvLimits.maxKeyBytes) {
    throw invalid("key_too_large", `A key is longer than ${kvLimits.maxKeyBytes} bytes`);
  }
  return bytes;
}

function valueBytes(value: KvValue): Uint8Array {
  const bytes = copyBytes(value);
  if (bytes.length > kvLimits.maxValueBytes) {
    throw invalid("value_too_large", `A value is longer than ${kvLimits.maxValueBytes} bytes`);
  }
  return bytes;
}

function copyBytes(value: KvValue): Uint8Array {
  if (typeof value === "string") return encoder.encode(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  throw invalid("invalid_value", "A value is text, a Uint8Array or an ArrayBuffer");
}

/** Hands bytes out as the caller asked; the generic type follows from the option, which TypeScript cannot see. */
function present<Type extends KvType>(bytes: Uint8Array, type: Type | undefined): KvAs<Type> {
  return presentAs(bytes, type ?? "text") as KvAs<Type>;
}

function presentAs(bytes: Uint8Array, type: KvType): string | Uint8Array | ArrayBuffer {
  switch (type) {
    case "text":
      return decoder.decode(bytes);
    case "binary":
      return new Uint8Array(bytes);
    case "arrayBuffer":
      return new Uint8Array(bytes).buffer;
  }
}

function invalid(code: string, message: string): HoldfastError {
  return new HoldfastError("kv", code, message);
}
