import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import type { ActorImage, ImageHeader, ImagePart, NewIdentity } from "./history-store.ts";
import { ByteQueue } from "./internal/byte-queue.ts";
import { space } from "./internal/entry-buffer.ts";
import { isInspectorToken } from "./internal/inspect/token.ts";
import { metaKey } from "./internal/meta-records.ts";
import { recordPrefix } from "./internal/part.ts";
import { StateLog } from "./internal/state/state-log.ts";
import type { ActorRecord, ActorStore, KvEntry, StoredState } from "./store.ts";

/** "HFex", then the version of the format. */
const magic = Uint8Array.of(0x48, 0x46, 0x65, 0x78, 1);
/** A state of 64 MiB is one piece, and there are larger ones. */
const maxFrameBytes = 512 * 1_048_576;

/**
 * The state of an actor as it was at a time, in milliseconds since the epoch. Throws
 * `actor.history_not_kept` when that time is before what is kept, or the actor had no state.
 */
export async function stateAt(store: ActorStore, actorId: string, at: number): Promise<unknown> {
  const stored = await store.history.stateAt(actorId, at);
  if (stored === undefined) throw notKept(actorId, at);
  return StateLog.decode(stored);
}

/**
 * Makes a new actor of one that lives. With `at` it begins with the state of that time and nothing else;
 * without it, it has all that the other has, but connections and messages that are on their way out.
 */
export async function forkActor(
  store: ActorStore,
  actorId: string,
  as: NewIdentity,
  options: { readonly at?: number } = {},
): Promise<ActorRecord> {
  if (options.at === undefined) return store.history.restore(settled(await store.history.image(actorId)), as);
  const stored = await store.history.stateAt(actorId, options.at);
  if (stored === undefined) throw notKept(actorId, options.at);
  const header = { name: as.name, key: as.key, createdAt: as.createdAt, version: 1, hasDatabase: false };
  return store.history.restore({ header, parts: partsOfState(stored) }, as);
}

/** An actor as one file, in pieces. Throws `actor.not_found`. */
export async function* exportActor(store: ActorStore, actorId: string): AsyncGenerator<Uint8Array> {
  const { header, parts } = await store.history.image(actorId);
  const pieces = parts[Symbol.asyncIterator]();
  try {
    // Begun before anything leaves: what was never begun cannot be returned from.
    let next = await pieces.next();
    yield magic;
    yield frame({ type: "header", ...header });
    let count = 0;
    for (; next.done !== true; next = await pieces.next()) {
      count += 1;
      yield frame(next.value);
    }
    yield frame({ type: "end", parts: count });
  } finally {
    await pieces.return?.();
  }
}

/**
 * Makes an actor of what {@link exportActor} gave. Name and key are those of the original unless given.
 * `isKnown` says whether there are actors of a name. Throws `store.invalid_import`, `store.format_too_new`,
 * `actor.duplicate_key`.
 */
export async function importActor(
  store: ActorStore,
  source: AsyncIterable<Uint8Array>,
  as: Pick<NewIdentity, "id" | "createdAt"> & Partial<NewIdentity>,
  isKnown: (name: string) => boolean = () => true,
): Promise<ActorRecord> {
  const frames = framesOf(source);
  const first = await frames.next();
  const header = first.done === true ? undefined : headerOf(first.value);
  if (header === undefined) throw invalidImport("The file does not begin with a header");
  const identity = { name: header.name, key: header.key, ...as };
  if (!isKnown(identity.name)) {
    throw invalidImport(`There are no actors of the name "${identity.name}": give one that there is`);
  }
  return store.history.restore(settled({ header, parts: partsOf(frames) }), identity);
}

/**
 * Leaves out what belongs to one actor only: who is connected to it, what it is about to send, who may look
 * into it, and that it was to be destroyed.
 */
function settled(image: ActorImage): ActorImage {
  const own = new Set<number>([recordPrefix.connection, recordPrefix.outbox]);
  const isOwn = ({ key }: KvEntry): boolean =>
    (key[0] === space.records && (own.has(key[1] ?? 0) || isDestruction(key))) || isInspectorToken(key);
  const filter = async function* (): AsyncGenerator<ImagePart> {
    for await (const part of image.parts) {
      if (part.type !== "entries") yield part;
      else yield { type: "entries", entries: part.entries.filter((entry) => !isOwn(entry)) };
    }
  };
  return { header: image.header, parts: filter() };
}

function isDestruction(key: Uint8Array): boolean {
  return key.length === 3 && key[1] === recordPrefix.meta && key[2] === metaKey.destroyAskedAt;
}

async function* partsOfState({ snapshot, patches }: StoredState): AsyncGenerator<ImagePart> {
  yield { type: "snapshot", bytes: snapshot };
  for (const bytes of patches) yield { type: "patch", bytes };
}

function frame(value: unknown): Uint8Array {
  const bytes = encodeValue(value);
  const whole = new Uint8Array(bytes.length + 4);
  new DataView(whole.buffer).setUint32(0, bytes.length);
  whole.set(bytes, 4);
  return whole;
}

/** Cuts the pieces, however they come, into the frames that were written. */
async function* framesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Record<string, unknown>> {
  const held = new ByteQueue();
  let isStarted = false;
  for await (const piece of source) {
    held.add(piece);
    if (!isStarted) {
      if (held.length < magic.length) continue;
      checkMagic(held.take(magic.length));
      isStarted = true;
    }
    for (let length = frameLength(held); length !== undefined; length = frameLength(held)) {
      yield decoded(held.take(4 + length).subarray(4));
    }
  }
  if (!isStarted || held.length > 0) throw invalidImport("The file is cut off");
}

/** How long the frame is that is held whole; undefined when more of it has to come. */
function frameLength(held: ByteQueue): number | undefined {
  if (held.length < 4) return undefined;
  const start = held.peek(4);
  const length = new DataView(start.buffer, start.byteOffset).getUint32(0);
  if (length > maxFrameBytes) throw invalidImport("A piece of the file is longer than any that is written");
  return held.length < 4 + length ? undefined : length;
}

function checkMagic(bytes: Uint8Array): void {
  for (const [at, byte] of magic.subarray(0, 4).entries()) {
    if (bytes[at] !== byte) throw invalidImport("The file is no export of an actor");
  }
  if (bytes[4] === magic[4]) return;
  const message = `The file has format ${bytes[4]}; this release knows format ${magic[4]}`;
  throw new HoldfastError("store", "format_too_new", message);
}

function decoded(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value = decodeValue(bytes);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw invalidImport("A piece of the file is damaged", cause);
  }
  throw invalidImport("A piece of the file is damaged");
}

function headerOf(value: Record<string, unknown>): ImageHeader | undefined {
  const { type, name, key, createdAt, version, wakeAt, hasDatabase } = value;
  const isHeader =
    type === "header" &&
    typeof name === "string" &&
    Array.isArray(key) &&
    key.every((part) => typeof part === "string") &&
    typeof createdAt === "number" &&
    typeof version === "number" &&
    typeof hasDatabase === "boolean";
  if (!isHeader) return undefined;
  return { name, key, createdAt, version, hasDatabase, ...(typeof wakeAt === "number" ? { wakeAt } : {}) };
}

async function* partsOf(frames: AsyncIterable<Record<string, unknown>>): AsyncGenerator<ImagePart> {
  let count = 0;
  let isEnded = false;
  for await (const value of frames) {
    if (isEnded) throw invalidImport("The file goes on after its end");
    if (value["type"] === "end") {
      if (value["parts"] !== count) throw invalidImport("Pieces of the file are missing");
      isEnded = true;
      continue;
    }
    count += 1;
    yield partOf(value);
  }
  if (!isEnded) throw invalidImport("The file is cut off");
}

function partOf(value: Record<string, unknown>): ImagePart {
  const { type, bytes, hash, entries } = value;
  switch (type) {
    case "snapshot":
    case "patch":
    case "database":
    case "bytes":
      if (bytes instanceof Uint8Array) return { type, bytes };
      break;
    case "blob":
      if (typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash)) return { type, hash };
      break;
    case "entries":
      if (Array.isArray(entries)) return { type, entries: entries.map(entryOf) };
      break;
  }
  throw invalidImport("A piece of the file is of an unknown kind");
}

function entryOf(value: unknown): KvEntry {
  const { key, value: bytes } = value as { readonly key?: unknown; readonly value?: unknown };
  if (key instanceof Uint8Array && bytes instanceof Uint8Array) return { key, value: bytes };
  throw invalidImport("An entry of the file is damaged");
}

/** For stores too: what is wrong with an image. */
export function invalidImport(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("store", "invalid_import", message, {
    statusCode: 400,
    ...(cause === undefined ? {} : { cause }),
  });
}

function notKept(actorId: string, at: number): HoldfastError {
  const message = "The state of that time is not kept, or there was none";
  return new HoldfastError("actor", "history_not_kept", message, {
    metadata: { actorId, at },
    statusCode: 404,
  });
}
