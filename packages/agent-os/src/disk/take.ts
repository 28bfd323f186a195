import type { FileHandle } from "node:fs/promises";
import type { ActorBlobs } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { agentOsLimits } from "../limits.ts";
import { allItems, type Item, type Manifest, type Root, roots, usedBytes } from "./manifest.ts";
import { type WalkedEntry, walk } from "./walk.ts";

export interface TakeOptions {
  readonly blob: ActorBlobs;
  readonly folders: Readonly<Record<Root, string>>;
  /** The snapshot before, whose objects are used again for what has not changed. */
  readonly previous: Manifest | undefined;
  readonly place: string;
  readonly now: () => number;
}

/** A pack of which less than this is still used is written anew. */
const minUsedShare = 0.4;
/** Changes that are closer to the walk than this are read again next time: clocks of file systems are coarse. */
const racyMs = 50;

/**
 * Reads the folders into a new snapshot. Contents that have not changed since the previous one are not read again.
 * Returns the previous one if nothing has changed. Throws `agent_os.snapshot_too_large`.
 */
export async function takeSnapshot(options: TakeOptions): Promise<Manifest> {
  const { previous, place, folders } = options;
  const known = knownItems(previous, place);
  const packer = new Packer(options.blob);
  const startedAt = options.now();
  const items: Record<Root, Item[]> = { home: [], workspace: [] };
  let count = 0;
  let changed = previous === undefined;
  for (const root of roots) {
    for await (const entry of walk(folders[root])) {
      count += 1;
      if (count > agentOsLimits.diskEntries) throw tooLarge();
      const before = known.get(`${root}/${entry.path}`);
      const kept = before !== undefined && isSame(before, entry) ? before : undefined;
      if (kept === undefined) changed = true;
      const item = kept ?? (await describe(entry, packer, startedAt));
      if (item !== undefined) items[root].push(item);
    }
  }
  if (!changed && previous !== undefined && count === [...allItems(previous)].length) return previous;
  await packer.finish();
  const all = roots.flatMap((root) => items[root].map((item) => packer.placed(item)));
  const objects: Record<string, number> = {};
  for (const hash of usedBytes(all).keys())
    objects[hash] = packer.sizes.get(hash) ?? previous?.objects[hash] ?? 0;
  const home = all.slice(0, items.home.length);
  return {
    version: 1,
    takenAt: startedAt,
    place,
    items: { home, workspace: all.slice(items.home.length) },
    objects,
  };
}

/** Items by root and path, without those whose packs are to be written anew. */
function knownItems(previous: Manifest | undefined, place: string): ReadonlyMap<string, Item> {
  const known = new Map<string, Item>();
  if (previous === undefined || previous.place !== place) return known;
  const used = usedBytes(allItems(previous));
  const isSparse = (hash: string) =>
    (used.get(hash) ?? 0) < minUsedShare * (previous.objects[hash] ?? 0) && previous.objects[hash] !== 0;
  for (const root of roots) {
    for (const item of previous.items[root])
      if (item.b === undefined || !isSparse(item.b)) known.set(`${root}/${item.p}`, item);
  }
  return known;
}

function isSame(item: Item, { kind, mode, modifiedAt, signature, target }: WalkedEntry): boolean {
  if (item.m !== mode) return false;
  switch (kind) {
    case "folder":
      return item.k === "d";
    case "link":
      return item.k === "l" && item.l === target;
    case "file":
      return item.k === "f" && item.g === signature && item.t === modifiedAt;
  }
}

async function describe(entry: WalkedEntry, packer: Packer, startedAt: number): Promise<Item | undefined> {
  const common = { p: entry.path, m: entry.mode, t: entry.modifiedAt };
  switch (entry.kind) {
    case "folder":
      return { ...common, k: "d" };
    case "link":
      return { ...common, k: "l", l: entry.target ?? "" };
    case "file": {
      const handle = await entry.open();
      if (handle === undefined) return undefined;
      try {
        const stored = await packer.add(handle, entry.size);
        const settled = entry.modifiedAt < startedAt - racyMs;
        return { ...common, k: "f", ...stored, ...(settled ? { g: entry.signature } : {}) };
      } finally {
        await handle.close();
      }
    }
  }
}

/** Puts contents into objects: small ones together, large ones alone. */
class Packer {
  readonly sizes = new Map<string, number>();
  readonly #blob: ActorBlobs;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Counts packs: items name theirs by number until it has a hash. */
  #number = 0;
  readonly #hashes = new Map<string, string>();

  constructor(blob: ActorBlobs) {
    this.#blob = blob;
  }

  async add(handle: FileHandle, size: number): Promise<Pick<Item, "s" | "b" | "o">> {
    if (size >= agentOsLimits.maxPackedBytes) {
      const { hash, size: stored } = await this.#blob.put(
        handle.createReadStream({ start: 0, autoClose: false }),
      );
      this.sizes.set(hash, stored);
      return { s: stored, b: hash, o: 0 };
    }
    const bytes = await readAtMost(handle, agentOsLimits.maxPackedBytes);
    if (bytes.length === 0) return { s: 0 };
    const offset = this.#pendingBytes;
    const pack = `#${this.#number}`;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= agentOsLimits.packBytes) await this.finish();
    return { s: bytes.length, b: pack, o: offset };
  }

  /** Stores the pack that is being filled. */
  async finish(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const { hash, size } = await this.#blob.put(Buffer.concat(this.#pending));
    this.sizes.set(hash, size);
    this.#hashes.set(`#${this.#number}`, hash);
    this.#number += 1;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  /** The item with the hash of its pack, after {@link finish}. */
  placed(item: Item): Item {
    const hash = item.b === undefined ? undefined : this.#hashes.get(item.b);
    return hash === undefined ? item : { ...item, b: hash };
  }
}

/** A file that has grown since it was listed is cut: the next snapshot has the rest. */
async function readAtMost(handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const { bytesRead } = await handle.read(buffer, length, maxBytes - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return Buffer.from(buffer.subarray(0, length));
}

function tooLarge(): HoldfastError {
  const message = `The machine has more than ${agentOsLimits.diskEntries} files and folders. Remove some, so that a snapshot can be taken.`;
  return new HoldfastError("agent_os", "snapshot_too_large", message, { statusCode: 507 });
}
