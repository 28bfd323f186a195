import type { ActorArchive, ArchivePart, CallRecord, KvEntry } from "@holdfast/actors";
import { corrupt } from "../errors.ts";
import { inPieces } from "../images/pieces.ts";
import type { ChangedPages } from "../turns/batch.ts";

type LogEntry = Extract<ArchivePart, { readonly type: "state" }>;

/** Where the parts of an archive go, in their order. */
export interface ArchiveSink {
  state(version: number, entry: LogEntry): Promise<void>;
  entries(entries: readonly KvEntry[]): Promise<void>;
  calls(calls: readonly CallRecord[]): Promise<void>;
  /** Some pages of the database; `pages` counts those until now. */
  pages(pages: ChangedPages): Promise<void>;
  /** Stores an object, of which the source is read to its end; returns the hash of its bytes. */
  blob(source: AsyncIterable<Uint8Array>): Promise<string>;
}

/** What an archive had, for the row of its actor. */
export interface ArchiveContent {
  /** Version of the newest snapshot. */
  readonly snapshotVersion: number | undefined;
  /** When the last of the call records expires; 0 without any. */
  readonly callsUntil: number;
  readonly database: { readonly pageSize: number; readonly pages: number } | undefined;
  readonly hashes: ReadonlySet<string>;
}

/** Reads an archive into a sink. Throws `store.corrupt` for a damaged one. */
export async function readArchive(
  { record, parts }: ActorArchive,
  sink: ArchiveSink,
): Promise<ArchiveContent> {
  const log: LogEntry[] = [];
  const hashes = new Set<string>();
  let callsUntil = 0;
  let database: ArchiveContent["database"];
  const source = parts[Symbol.asyncIterator]();
  let next = await source.next();
  const following = async function* (type: "database" | "bytes"): AsyncGenerator<Uint8Array> {
    while (next.done !== true && next.value.type === type) {
      yield next.value.bytes;
      next = await source.next();
    }
  };
  while (next.done !== true) {
    const part = next.value;
    switch (part.type) {
      case "state":
        log.push(part);
        next = await source.next();
        break;
      case "entries":
        await sink.entries(part.entries);
        next = await source.next();
        break;
      case "calls":
        for (const { expiresAt } of part.calls) callsUntil = Math.max(callsUntil, expiresAt);
        await sink.calls(part.calls);
        next = await source.next();
        break;
      case "database":
        database = await readPages(following("database"), sink);
        break;
      case "blob": {
        next = await source.next();
        const hash = await sink.blob(following("bytes"));
        if (hash !== part.hash) throw corrupt(`The object ${part.hash} of the actor ${record.id} is damaged`);
        hashes.add(hash);
        break;
      }
      case "bytes":
        throw corrupt("An archive has bytes without an object");
    }
  }
  return { snapshotVersion: await writeLog(record.version, log, sink), callsUntil, database, hashes };
}

/** The last entry gets the version of the actor; each earlier one, the version before. Returns that of the newest snapshot. */
async function writeLog(
  version: number,
  log: readonly LogEntry[],
  sink: ArchiveSink,
): Promise<number | undefined> {
  let snapshot: number | undefined;
  for (const [at, entry] of log.entries()) {
    const own = version - log.length + 1 + at;
    if (entry.isSnapshot) snapshot = own;
    await sink.state(own, entry);
  }
  return snapshot;
}

async function readPages(
  source: AsyncIterable<Uint8Array>,
  sink: ArchiveSink,
): Promise<{ readonly pageSize: number; readonly pages: number }> {
  let pages = 0;
  let pageSize = 0;
  // A piece is a whole number of pages: both are powers of two.
  for await (const piece of inPieces(source)) {
    if (pageSize === 0) pageSize = pageSizeOf(piece);
    const changed = [];
    for (let at = 0; at < piece.length; at += pageSize) {
      pages += 1;
      changed.push({ no: pages, bytes: piece.subarray(at, at + pageSize) });
    }
    await sink.pages({ pageSize, pages, hasShrunk: false, changed });
  }
  return { pageSize, pages };
}

/** Bytes 16 and 17 of an SQLite file. */
function pageSizeOf(start: Uint8Array): number {
  const size = Buffer.from(start.subarray(16, 18)).readUInt16BE();
  return size === 1 ? 65_536 : size;
}
