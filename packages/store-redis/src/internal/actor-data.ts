import type { CallRecord, KvEntry, KvRange, LoadedActor, StoredState } from "@holdfast/actors";
import { type AcquiredDatabase, notFound, type Page, type PageSource } from "@holdfast/store-kit";
import type { Reply } from "./command.ts";
import type { Connections } from "./connection/connections.ts";
import {
  acquiredDatabase,
  actorRecord,
  bytes,
  callRecord,
  integer,
  list,
  optionalInteger,
  storedState,
} from "./rows.ts";
import {
  acquiredScript,
  acquireScript,
  callScript,
  entriesScript,
  newerPagesScript,
  stateAtScript,
} from "./scripts/actor.ts";

/** Pages in one read. */
const pagesPerRead = 256;
/** Entries whose size is known only once they are read arrive in parts of about this many bytes. */
const bytesPerRead = 8 * 1_048_576;

/** Reads the data of one actor. */
export class ActorData implements PageSource {
  readonly #connections: Connections;
  readonly #prefix: string;

  constructor(connections: Connections, prefix: string) {
    this.#connections = connections;
    this.#prefix = prefix;
  }

  /** Raises the epoch and reads the state. Throws `actor.not_found`. */
  async acquire(id: string): Promise<{
    readonly loaded: LoadedActor;
    readonly database: AcquiredDatabase;
    readonly hasBlobs: boolean;
  }> {
    const reply = await this.#connections.run(acquireScript, this.#prefix, id);
    if (reply === null) throw notFound(id);
    const [row, values, blobs] = list(reply);
    const fields = list(row);
    const record = actorRecord(id, fields);
    if (record === undefined) throw notFound(id);
    const state = storedState(list(values));
    const [callsUntil, written, pageSize, pages] = fields.slice(8);
    const database = acquiredDatabase([fields[2], fields[3], written, pageSize, pages] as Reply[]);
    const loaded = {
      record,
      callsUntil: optionalInteger(callsUntil) ?? 0,
      ...(state === undefined ? {} : { state }),
      ...(database.content === undefined ? {} : { hasDatabase: true }),
    };
    return { loaded, database, hasBlobs: integer(blobs) > 0 };
  }

  async stateAt(id: string, at: number): Promise<StoredState | undefined> {
    return storedState(list(await this.#connections.run(stateAtScript, this.#prefix, id, at)));
  }

  async call(id: string, key: string, now: number): Promise<CallRecord | undefined> {
    const value = await this.#connections.run(callScript, this.#prefix, id, Buffer.from(key));
    if (value === null) return undefined;
    const record = callRecord(key, bytes(value));
    return record.expiresAt > now ? record : undefined;
  }

  async kvGet(id: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = await this.#connections.command("HGET", `${this.#prefix}kv:${id}`, key);
    return value === null ? undefined : bytes(value);
  }

  async kvList(id: string, { start, end, limit, reverse = false }: KvRange): Promise<readonly KvEntry[]> {
    const entries: KvEntry[] = [];
    let [first, last] = [bound("[", start), end === undefined ? "+" : bound("(", end)];
    while (entries.length < limit) {
      const part = await this.entries(id, first, last, limit - entries.length, reverse);
      const final = part.at(-1);
      if (final === undefined) break;
      entries.push(...part);
      if (reverse) last = bound("(", final.key);
      else first = bound("(", final.key);
    }
    return entries;
  }

  /** Entries of an actor, or of the image of one, in a range in the notation of ZRANGEBYLEX. */
  async entries(
    of: string | { readonly image: string },
    first: Buffer | string,
    last: Buffer | string,
    limit: number,
    isReverse = false,
  ): Promise<KvEntry[]> {
    const at = (kind: string) =>
      typeof of === "string" ? `${this.#prefix}${kind}:${of}` : `${this.#prefix}image:${of.image}:${kind}`;
    const range = [first, last, limit, bytesPerRead, isReverse ? 1 : 0];
    const reply = list(
      await this.#connections.run(entriesScript, this.#prefix, at("kvk"), at("kv"), ...range),
    );
    const entries: KvEntry[] = [];
    for (let i = 0; i < reply.length; i += 2) {
      entries.push({ key: bytes(reply[i]), value: bytes(reply[i + 1]) });
    }
    return entries;
  }

  async acquired(id: string): Promise<AcquiredDatabase | undefined> {
    const reply = await this.#connections.run(acquiredScript, this.#prefix, id);
    return reply === null ? undefined : acquiredDatabase(list(reply));
  }

  async *pages(id: string, newerThan: number): AsyncGenerator<readonly Page[]> {
    const newer = list(await this.#connections.run(newerPagesScript, this.#prefix, id, newerThan));
    const numbers = newer.map(integer).sort((a, b) => a - b);
    for (let at = 0; at < numbers.length; at += pagesPerRead) {
      yield await this.readPages(`${this.#prefix}page:${id}`, numbers.slice(at, at + pagesPerRead));
    }
  }

  /** Those of the pages that a hash has. */
  async readPages(key: string, numbers: readonly number[]): Promise<readonly Page[]> {
    if (numbers.length === 0) return [];
    const values = list(await this.#connections.command("HMGET", key, ...numbers));
    return numbers.flatMap((no, at) => {
      const value = values[at];
      return value === null || value === undefined ? [] : [{ no, bytes: bytes(value) }];
    });
  }
}

function bound(kind: "[" | "(", key: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(kind), key]);
}
