/** The key-value entries of one actor: stored entries overlaid with pending writes. */
import type { HoldfastError } from "@holdfast/core";
import type { KvEntry } from "../../ports/records.ts";
import type { ActorStore, KvOperation } from "../../ports/store.ts";
import { LazyMap } from "../util/lazy.ts";

/**
 * First byte of a stored key: the owner of the entry, within the one ordered keyspace of an actor. Published with
 * format 1; golden files pin it.
 */
export const space = { records: 0x00, user: 0x01 } as const;

/** A write that may not be stored yet. `value` is undefined for a deletion. */
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

interface Savepoint {
  /** The previous values of entries written since the savepoint. */
  readonly before: Map<string, Entry | undefined>;
  readonly pending: number;
  readonly written: number;
  readonly ranges: readonly DeletedRange[];
}

/** Entries with `start <= key < end`; without `end`, all from `start`. */
export interface EntryRange {
  readonly start: Uint8Array;
  readonly end?: Uint8Array | undefined;
  /** Default: no limit. */
  readonly limit?: number;
  readonly reverse?: boolean;
}

const pageSize = 1_024;

/**
 * One space of an actor's entries: the store, overlaid with pending writes and those being committed. Writes belong to
 * the open turn and are visible to reads immediately. Keys are compared as Latin-1 text, which orders them by byte.
 * Byte arrays are not copied, so they must not change afterwards.
 */
export class EntryBuffer {
  readonly #store: ActorStore;
  readonly #actorId: string;
  readonly #space: number;
  readonly #changed: () => void;
  readonly #entries = new LazyMap<string, Entry>();
  readonly #writtenBy = new LazyMap<number, string[]>();
  #ranges: DeletedRange[] = [];
  #pending: KvOperation[] = [];
  /** The state that a rollback restores. */
  #savepoint: Savepoint | undefined;
  /** The open batch has no version yet. */
  readonly #batch = -1;
  /** Creates the error for refused writes; undefined if writes are allowed. */
  refusal: (() => HoldfastError) | undefined;

  constructor(store: ActorStore, actorId: string, ownSpace: number, changed: () => void) {
    this.#store = store;
    this.#actorId = actorId;
    this.#space = ownSpace;
    this.#changed = changed;
  }

  /** The current value; a promise only if it has to be read from the store. */
  get(key: Uint8Array): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const text = latin1(key);
    const entry = this.#entries.get(text);
    if (entry !== undefined) return entry.value;
    if (this.#ranges.some((range) => covers(range, text))) return undefined;
    return this.#store.kvGet(this.#actorId, this.#stored(key));
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#write(key, value);
  }

  delete(key: Uint8Array): void {
    this.#write(key, undefined);
  }

  #write(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#assertWritable();
    const text = latin1(key);
    this.#remember(text);
    this.#entries.set(text, { key, value, batch: this.#batch });
    const written = this.#writtenBy.get(this.#batch);
    if (written === undefined) this.#writtenBy.set(this.#batch, [text]);
    else written.push(text);
    const stored = this.#stored(key);
    this.#pending.push(
      value === undefined ? { type: "delete", key: stored } : { type: "put", key: stored, value },
    );
    this.#changed();
  }

  deleteRange(start: Uint8Array, end: Uint8Array | undefined): void {
    this.#assertWritable();
    const range = { start: latin1(start), end: end && latin1(end), batch: this.#batch };
    for (const text of this.#entries.keys()) {
      if (!covers(range, text)) continue;
      this.#remember(text);
      this.#entries.delete(text);
    }
    this.#ranges.push(range);
    this.#pending.push({ type: "delete-range", start: this.#stored(start), end: this.#storedEnd(end) });
    this.#changed();
  }

  /** The entries of a range, ordered by key. */
  async list(range: EntryRange): Promise<KvEntry[]> {
    const { limit = Number.POSITIVE_INFINITY, reverse = false } = range;
    const bounds = { start: latin1(range.start), end: range.end && latin1(range.end) };
    const written = new Map<string, Entry>();
    for (const [text, entry] of this.#entries) if (covers(bounds, text)) written.set(text, entry);
    const deleted = [...this.#ranges];
    const found = new Map<string, KvEntry>();
    for (const [text, { key, value }] of written) if (value !== undefined) found.set(text, { key, value });
    const size = Math.min(limit + written.size, Math.max(pageSize, written.size));
    let visible = 0;
    let rest = range;
    while (visible < limit) {
      const page = await this.#page(rest, size, reverse);
      for (const entry of page) {
        const text = latin1(entry.key);
        if (written.has(text) || deleted.some((deletedRange) => covers(deletedRange, text))) continue;
        found.set(text, entry);
        visible++;
      }
      const last = page.at(-1);
      if (last === undefined || page.length < size) break;
      rest = reverse ? { start: range.start, end: last.key } : { start: successor(last.key), end: range.end };
    }
    const sorted = [...found.keys()].sort();
    if (reverse) sorted.reverse();
    return (limit < sorted.length ? sorted.slice(0, limit) : sorted).flatMap((text) => found.get(text) ?? []);
  }

  async #page(range: EntryRange, limit: number, reverse: boolean): Promise<readonly KvEntry[]> {
    const page = await this.#store.kvList(this.#actorId, {
      start: this.#stored(range.start),
      end: this.#storedEnd(range.end),
      limit,
      reverse,
    });
    return page.map(({ key, value }) => ({ key: key.subarray(1), value }));
  }

  #stored(key: Uint8Array): Uint8Array {
    const stored = new Uint8Array(key.length + 1);
    stored[0] = this.#space;
    stored.set(key, 1);
    return stored;
  }

  #storedEnd(end: Uint8Array | undefined): Uint8Array {
    return end === undefined ? new Uint8Array([this.#space + 1]) : this.#stored(end);
  }

  /** True if a write within this range is not durable yet. */
  isPending(range: EntryRange): boolean {
    const bounds = { start: latin1(range.start), end: range.end && latin1(range.end) };
    return [...this.#entries.keys()].some((text) => covers(bounds, text));
  }

  /** True if nothing is pending or being committed: the buffer could be recreated. */
  get isEmpty(): boolean {
    return (
      this.#entries.size === 0 &&
      this.#ranges.length === 0 &&
      this.#pending.length === 0 &&
      this.#savepoint === undefined
    );
  }

  /** Starts recording for `rollback`, until `keep`. */
  savepoint(): void {
    this.#savepoint = {
      before: new Map(),
      pending: this.#pending.length,
      written: this.#writtenBy.get(this.#batch)?.length ?? 0,
      ranges: [...this.#ranges],
    };
  }

  keep(): void {
    this.#savepoint = undefined;
  }

  rollback(): void {
    const savepoint = this.#savepoint;
    if (savepoint === undefined) return;
    this.#savepoint = undefined;
    for (const [text, entry] of savepoint.before) {
      if (entry === undefined) this.#entries.delete(text);
      else this.#entries.set(text, entry);
    }
    this.#pending.length = savepoint.pending;
    const written = this.#writtenBy.get(this.#batch);
    if (written !== undefined) written.length = savepoint.written;
    this.#ranges = [...savepoint.ranges];
  }

  #remember(text: string): void {
    const before = this.#savepoint?.before;
    if (before !== undefined && !before.has(text)) before.set(text, this.#entries.get(text));
  }

  #assertWritable(): void {
    if (this.refusal !== undefined) throw this.refusal();
  }

  /** The operations for the commit of `version`. */
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

  /** Called when the commit of `version` is durable: its entries are now read from the store. */
  landed(version: number): void {
    if (this.#ranges.length > 0) this.#ranges = this.#ranges.filter((range) => range.batch !== version);
    const written = this.#writtenBy.get(version);
    if (written === undefined) return;
    this.#writtenBy.delete(version);
    for (const text of written) if (this.#entries.get(text)?.batch === version) this.#entries.delete(text);
  }
}

export function latin1(bytes: Uint8Array): string {
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

/** The smallest key after all keys with this prefix; undefined if there is none. */
export function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] ?? 0xff;
    if (byte === 0xff) continue;
    const end = prefix.slice(0, i + 1);
    end[i] = byte + 1;
    return end;
  }
  return undefined;
}

/** Concatenates the operations of two spaces; either may be undefined. */
export function concatOperations(
  first: readonly KvOperation[] | undefined,
  second: readonly KvOperation[] | undefined,
): readonly KvOperation[] | undefined {
  return first === undefined || second === undefined ? (first ?? second) : [...first, ...second];
}
