import { type ActorKey, HoldfastError } from "@holdfast/core";
import { fileHeader, frame, invalidImport, readFrames } from "../internal/export/export-frames.ts";
import { isInspectorToken } from "../internal/inspect/token.ts";
import { space } from "../internal/kv/entry-buffer.ts";
import { metaKey } from "../internal/lifecycle/meta-records.ts";
import { recordPrefix } from "../internal/lifecycle/part.ts";
import { StateLog } from "../internal/state/state-log.ts";
import type { ActorImage, ImageHeader, ImagePart, NewIdentity } from "./history-store.ts";
import type { ActorRecord, KvEntry, StoredState } from "./records.ts";
import type { ActorStore } from "./store.ts";

/**
 * The state of an actor at a time, in milliseconds since the epoch. Throws `actor.history_not_kept` if the history
 * does not reach back that far, or if the actor had no state.
 */
export async function stateAt(store: ActorStore, actorId: string, at: number): Promise<unknown> {
  const stored = await store.history.stateAt(actorId, at);
  if (stored === undefined) throw notKept(actorId, at);
  return StateLog.decode(stored);
}

/**
 * Creates a new actor from an existing one. With `at` it gets only the state of that time; without it, everything
 * except connections and unsent messages.
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

/** Exports an actor as one file, in chunks. Throws `actor.not_found`. */
export async function* exportActor(store: ActorStore, actorId: string): AsyncGenerator<Uint8Array> {
  const { header, parts } = await store.history.image(actorId);
  const pieces = parts[Symbol.asyncIterator]();
  try {
    // Started before the first chunk is returned: a generator that never started cannot be returned from.
    let next = await pieces.next();
    yield fileHeader;
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

/** Identity of an imported actor: what is left out is that of the original. */
export interface ImportIdentity extends Omit<Partial<NewIdentity>, "id"> {
  /** The new id, or a function that makes one for the actor's name and key. */
  readonly id: string | ((name: string, key: ActorKey) => string);
  readonly createdAt: number;
}

/**
 * Creates an actor from a file of {@link exportActor}, by default with the original's name and key. `nameFor` returns
 * the name for an original's, undefined if actors with it are not registered. Throws `store.invalid_import`, `store.format_too_new`, `actor.duplicate_key`.
 */
export async function importActor(
  store: ActorStore,
  source: AsyncIterable<Uint8Array>,
  as: ImportIdentity,
  nameFor: (name: string) => string | undefined = (name) => name,
): Promise<ActorRecord> {
  const frames = readFrames(source);
  const first = await frames.next();
  const header = first.done === true ? undefined : headerOf(first.value);
  if (header === undefined) throw invalidImport("The file does not begin with a header");
  const wanted = as.name ?? header.name;
  const name = nameFor(wanted);
  if (name === undefined) {
    throw invalidImport(`There are no actors named "${wanted}" here. Choose a registered name`);
  }
  const { id, createdAt, key = header.key } = as;
  const identity = { id: typeof id === "string" ? id : id(name, key), name, key, createdAt };
  return store.history.restore(settled({ header, parts: partsOf(frames) }), identity);
}

/**
 * Excludes records that belong to one actor only: its connections, unsent messages, inspector token, and a requested
 * destruction.
 */
function settled(image: ActorImage): ActorImage {
  const own = new Set<number>([recordPrefix.connection, recordPrefix.movedConnection, recordPrefix.outbox]);
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
    if (isEnded) throw invalidImport("The file has data after its end");
    if (value["type"] === "end") {
      if (value["parts"] !== count) throw invalidImport("Frames of the file are missing");
      isEnded = true;
      continue;
    }
    count += 1;
    yield partOf(value);
  }
  if (!isEnded) throw invalidImport("The file is truncated");
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
  throw invalidImport("A frame of the file has an unknown kind");
}

function entryOf(value: unknown): KvEntry {
  const { key, value: bytes } = value as { readonly key?: unknown; readonly value?: unknown };
  if (key instanceof Uint8Array && bytes instanceof Uint8Array) return { key, value: bytes };
  throw invalidImport("An entry of the file is damaged");
}

function notKept(actorId: string, at: number): HoldfastError {
  const message = "The state of that time is not retained, or there was none";
  return new HoldfastError("actor", "history_not_kept", message, {
    metadata: { actorId, at },
    statusCode: 404,
  });
}
