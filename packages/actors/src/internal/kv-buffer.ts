import { HoldfastError } from "@holdfast/core";
import type { ActorKv, KvAs, KvKey, KvListOptions, KvPair, KvReadOptions, KvType, KvValue } from "../kv.ts";
import type { ActorStore, KvEntry, KvOperation } from "../store.ts";

/** Sizes in bytes. */
export const kvLimits = { maxKeyBytes: 2_048, maxValueBytes: 2_097_152, defaultListLimit: 16_384 } as const;

/** A write that may not be in the store yet. `value` is undefined for a deletion. */
interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly batch: number;
}

interface DeletedRange {
  readonly start: string;
  readonly end: string | undefined;
  readonly batch: number;
}

interface Range {
  readonly start: Uint8Array;
  readonly end: Uint8Array | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The key-value store of one actor as user code sees it: the store's entries under the writes that are
 * pending or on their way. Keys are compared as Latin-1 text, which orders them by byte.
 */
export class KvBuffer implements ActorKv {
  readonly #store: ActorStore;
  readonly #actorId: string;
  readonly #changed: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #writtenBy = new Map<number, string[]>();
  #ranges: DeletedRange[] = [];
  #pending: KvOperation[] = [];
  /** The open batch has no version yet. */
  readonly #batch = -1;
  /** Why writes are refused at the moment. */
  refusal: (() => HoldfastError) | undefined;

  constructor(store: ActorStore, actorId: string, changed: () => void) {
    this.#store = store;
    this.#actorId = actorId;
    this.#changed = changed;
  }

  async get<Type extends KvType = "text">(
    key: KvKey,
    options?: KvReadOptions<Type>,
  ): Promise<KvAs<Type> | undefined> {
    const bytes = keyBytes(key);
    const text = latin1(bytes);
    const entry = this.#entries.get(text);
    if (entry !== undefined) return entry.value && present(entry.value, options?.type);
    if (this.#ranges.some((range) => covers(range, text))) return undefined;
    const stored = await this.#store.kvGet(this.#actorId, bytes);
    return stored && present(stored, options?.type);
  }

  put(key: KvKey, value: KvValue): Promise<void> {
    return attempt(() => this.#write(keyBytes(key), valueBytes(value)));
  }

  delete(key: KvKey): Promise<void> {
    return attempt(() => this.#write(keyBytes(key), undefined));
  }

  #write(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#writable();
    const text = latin1(key);
    this.#entries.set(text, { key, value, batch: this.#batch });
    const written = this.#writtenBy.get(this.#batch);
    if (written === undefined) this.#writtenBy.set(this.#batch, [text]);
    else written.push(text);
    this.#pending.push(value === undefined ? { type: "delete", key } : { type: "put", key, value });
    this.#changed();
  }

  deleteRange(startKey: KvKey, endKey?: KvKey): Promise<void> {
    return attempt(() => {
      this.#writable();
      const start = rangeBytes(startKey);
      const end = endKey === undefined ? undefined : rangeBytes(endKey);
      const range = { start: latin1(start), end: end && latin1(end), batch: this.#batch };
      for (const text of this.#entries.keys()) if (covers(range, text)) this.#entries.delete(text);
      this.#ranges.push(range);
      this.#pending.push({ type: "delete-range", start, ...(end === undefined ? {} : { end }) });
      this.#changed();
    });
  }

  async list<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    prefix: KvKey,
    options: KvListOptions<Type, KeyType> = {},
  ): Promise<KvPair<Type, KeyType>[]> {
    const start = rangeBytes(prefix);
    return this.#read({ start, end: afterPrefix(start) }, options);
  }

  async listRange<Type extends KvType = "text", KeyType extends "text" | "binary" = "text">(
    start: KvKey,
    end?: KvKey,
    options: KvListOptions<Type, KeyType> = {},
  ): Promise<KvPair<Type, KeyType>[]> {
    return this.#read(
      { start: rangeBytes(start), end: end === undefined ? undefined : rangeBytes(end) },
      options,
    );
  }

  async #read<Type extends KvType, KeyType extends "text" | "binary">(
    range: Range,
    options: KvListOptions<Type, KeyType>,
  ): Promise<KvPair<Type, KeyType>[]> {
    const limit = options.limit ?? kvLimits.defaultListLimit;
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw invalid("invalid_limit", "A limit is a whole number");
    if (limit === 0) return [];
    const reverse = options.reverse === true;
    const entries = await this.#merged(range, limit, reverse);
    return entries.map(
      ({ key, value }): KvPair<Type, KeyType> => [
        present(key, options.keyType),
        present(value, options.type),
      ],
    );
  }

  /** The first `limit` entries: what is written here over what the store has. */
  async #merged(range: Range, limit: number, reverse: boolean): Promise<KvEntry[]> {
    const whole = { start: latin1(range.start), end: range.end && latin1(range.end) };
    const written = new Map<string, Entry>();
    for (const [text, entry] of this.#entries) if (covers(whole, text)) written.set(text, entry);
    const deleted = [...this.#ranges];
    const found = new Map<string, KvEntry>();
    for (const [text, { key, value }] of written) if (value !== undefined) found.set(text, { key, value });
    let visible = 0;
    let rest = range;
    while (visible < limit) {
      const page = await this.#page(rest, limit + written.size, reverse);
      for (const entry of page) {
        const text = latin1(entry.key);
        if (written.has(text) || deleted.some((hole) => covers(hole, text))) continue;
        found.set(text, entry);
        visible++;
      }
      const last = page.at(-1);
      if (last === undefined || page.length < limit + written.size) break;
      rest = reverse ? { start: range.start, end: last.key } : { start: successor(last.key), end: range.end };
    }
    const sorted = [...found.keys()].sort();
    if (reverse) sorted.reverse();
    return sorted.slice(0, limit).flatMap((text) => found.get(text) ?? []);
  }

  #page(range: Range, limit: number, reverse: boolean): Promise<readonly KvEntry[]> {
    return this.#store.kvList(this.#actorId, {
      start: range.start,
      ...(range.end === undefined ? {} : { end: range.end }),
      limit,
      reverse,
    });
  }

  #writable(): void {
    if (this.refusal !== undefined) throw this.refusal();
  }

  /** What the commit of `version` writes. */
  take(version: number): readonly KvOperation[] | undefined {
    if (this.#pending.length === 0) return undefined;
    const operations = this.#pending;
    this.#pending = [];
    const written = this.#writtenBy.get(this.#batch);
    if (written !== undefined) {
      this.#writtenBy.delete(this.#batch);
      this.#writtenBy.set(version, written);
      for (const text of written) {
        const entry = this.#entries.get(text);
        if (entry?.batch === this.#batch) this.#entries.set(text, { ...entry, batch: version });
      }
    }
    this.#ranges = this.#ranges.map((range) =>
      range.batch === this.#batch ? { ...range, batch: version } : range,
    );
    return operations;
  }

  /** The commit of `version` is durable: the store answers for what it wrote. */
  landed(version: number): void {
    if (this.#ranges.length > 0) this.#ranges = this.#ranges.filter((range) => range.batch !== version);
    const written = this.#writtenBy.get(version);
    if (written === undefined) return;
    this.#writtenBy.delete(version);
    for (const text of written) if (this.#entries.get(text)?.batch === version) this.#entries.delete(text);
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

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function covers(range: { readonly start: string; readonly end: string | undefined }, key: string): boolean {
  return key >= range.start && (range.end === undefined || key < range.end);
}

function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** The smallest key after all that begin with `prefix`; undefined when there is none. */
function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] ?? 0xff;
    if (byte === 0xff) continue;
    const end = prefix.slice(0, i + 1);
    end[i] = byte + 1;
    return end;
  }
  return undefined;
}

function invalid(code: string, message: string): HoldfastError {
  return new HoldfastError("kv", code, message);
}
