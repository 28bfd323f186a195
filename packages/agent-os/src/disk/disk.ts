import { randomUUID } from "node:crypto";
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ActorBlobs } from "@holdfast/actors";
import { removeTree } from "@holdfast/sandbox-client/node";
import type { MachineFolders } from "../host/machine.ts";
import { allItems, decodeManifest, encodeManifest, type Manifest, roots } from "./manifest.ts";
import { restoreSnapshot } from "./restore.ts";
import { takeSnapshot } from "./take.ts";

/** What the actor's state has of the last snapshot. */
export interface SnapshotInfo {
  /** Hash of the object with the list of its files. */
  readonly manifest: string;
  readonly takenAt: number;
  readonly files: number;
  readonly bytes: number;
}

/** Part of the actor's state that is about its disk. */
export interface DiskState {
  snapshot: SnapshotInfo | null;
  /** The folders on some host that are newer than the snapshot, by the id in them. */
  place: string | null;
}

export interface DiskOptions {
  /** Folder on this host of all disks; each is in a folder that is named by its place. */
  readonly directory: string;
  /** Whose disk it is: a copy of the actor has the place of the original in its state, and must not use it. */
  readonly actorId: string;
  readonly blob: ActorBlobs;
  readonly state: DiskState;
  /** Resolves when what was changed in the state is durable. */
  readonly commit: () => Promise<void>;
  readonly now: () => number;
}

/** Empty folders that a machine has already been started with. */
export interface SpareDisk {
  readonly place: string;
}

/**
 * Home and workspace of one machine. The folders on the host are the disk, and survive the death of every process; the
 * snapshot in the actor is what another host, or a host that has lost them, starts from.
 */
export class Disk {
  readonly #options: DiskOptions;
  #manifest: Manifest | undefined;
  #swept = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: DiskOptions) {
    this.#options = options;
  }

  /**
   * The folders, restored from the snapshot unless this host has newer ones. With a spare, its folders get the content:
   * nothing may run in its machine.
   */
  async open(spare?: SpareDisk): Promise<MachineFolders> {
    const { directory, actorId, state, commit } = this.#options;
    const place = spare?.place ?? randomUUID();
    const earlier = await this.#ownPlace();
    const hasEarlier = earlier !== undefined;
    if (earlier !== undefined) {
      await finishMove(directory, earlier);
      if (spare === undefined) return foldersOf(earlier);
    }
    const own = join(directory, place);
    if (spare === undefined) await mkdir(own, { recursive: true, mode: 0o700 });
    const manifest = hasEarlier ? undefined : await this.#load();
    if (manifest !== undefined) await restoreSnapshot(manifest, this.#options.blob, own);
    else await makeFolders(own);
    // The intention is on the disk before the actor knows of the new place: whoever opens it next completes the move.
    if (hasEarlier && state.place !== null) await writeFile(join(own, moveFile), state.place);
    await writeFile(join(own, completeFile), actorId);
    state.place = place;
    await commit();
    if (hasEarlier) await finishMove(directory, own);
    // What this host had before another one went on.
    else await this.#removeDisks(place);
    return foldersOf(own);
  }

  get folders(): MachineFolders {
    const { directory, state } = this.#options;
    return foldersOf(join(directory, state.place ?? "none"));
  }

  /** Takes a snapshot; one after another. Returns what is known of it. */
  snapshot(): Promise<SnapshotInfo> {
    const turn = this.#tail.then(() => this.#take());
    this.#tail = turn.catch(() => {});
    return turn;
  }

  /** Removes the folders from this host. */
  async remove(): Promise<void> {
    await this.#tail;
    await this.#removeDisks(undefined);
  }

  /** Removes the disks of this actor on this host, but one. */
  async #removeDisks(kept: string | undefined): Promise<void> {
    const { directory, actorId } = this.#options;
    for (const name of await readdir(directory).catch(() => [])) {
      if (name === kept) continue;
      const owner = await readFile(join(directory, name, completeFile), "utf8").catch(() => undefined);
      if (owner === actorId) await removeTree(join(directory, name));
    }
  }

  /** The folder of the place in the state, if this host has it whole and it is this actor's. */
  async #ownPlace(): Promise<string | undefined> {
    const { directory, actorId, state } = this.#options;
    if (state.place === null) return undefined;
    const path = join(directory, state.place);
    const owner = await readFile(join(path, completeFile), "utf8").catch(() => undefined);
    return owner === actorId ? path : undefined;
  }

  async #take(): Promise<SnapshotInfo> {
    const { blob, state, commit, now } = this.#options;
    const previous = await this.#load();
    await this.#sweep(previous);
    const place = state.place ?? "";
    const taken = await takeSnapshot({ blob, previous, place, now, folders: { ...this.folders } });
    if (taken === previous && state.snapshot !== null) return state.snapshot;
    const { hash } = await blob.put(encodeManifest(taken));
    const old = state.snapshot?.manifest;
    const files = [...allItems(taken)].filter(({ k }) => k === "f");
    const info: SnapshotInfo = {
      manifest: hash,
      takenAt: taken.takenAt,
      files: files.length,
      bytes: files.reduce((sum, { s = 0 }) => sum + s, 0),
    };
    state.snapshot = info;
    await commit();
    this.#manifest = taken;
    const dropped = Object.keys(previous?.objects ?? {}).filter((each) => !(each in taken.objects));
    for (const each of dropped) await blob.delete(each);
    if (old !== undefined && old !== hash) await blob.delete(old);
    await commit();
    return info;
  }

  /** Removes objects that a snapshot left behind which a crash had interrupted. */
  async #sweep(current: Manifest | undefined): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    const { blob, state } = this.#options;
    let after: string | undefined;
    for (;;) {
      const page = await blob.list(after === undefined ? {} : { after });
      for (const { hash } of page) {
        const isUsed =
          hash === state.snapshot?.manifest || (current !== undefined && hash in current.objects);
        if (!isUsed) await blob.delete(hash);
      }
      after = page.at(-1)?.hash;
      if (after === undefined) return;
    }
  }

  async #load(): Promise<Manifest | undefined> {
    const { state, blob } = this.#options;
    if (state.snapshot === null) return undefined;
    this.#manifest ??= decodeManifest(await blob.bytes(state.snapshot.manifest));
    return this.#manifest;
  }
}

/** In the folder of a disk: says that it was made as a whole, and for which actor. */
const completeFile = "complete";
/** In the folder of a disk: names the place whose content belongs here. */
const moveFile = "from";

function foldersOf(path: string): MachineFolders {
  return { home: join(path, "home"), workspace: join(path, "workspace") };
}

/** Makes the folders of an empty disk. */
export async function makeFolders(path: string): Promise<MachineFolders> {
  const folders = foldersOf(path);
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true, mode: 0o700 });
  return folders;
}

/** Moves what is still in the earlier place. Can be interrupted and repeated. */
async function finishMove(directory: string, own: string): Promise<void> {
  const from = await readFile(join(own, moveFile), "utf8").catch(() => undefined);
  if (from === undefined) return;
  const [source, target] = [foldersOf(join(directory, from)), foldersOf(own)];
  for (const root of roots) {
    const stat = await lstat(source[root]).catch(() => undefined);
    if (stat === undefined) continue;
    // Moving out of a read-only folder is not allowed.
    await chmod(source[root], 0o700);
    for (const name of await readdir(source[root], { encoding: "buffer" })) {
      const to = Buffer.concat([Buffer.from(`${target[root]}/`), name]);
      await rename(Buffer.concat([Buffer.from(`${source[root]}/`), name]), to);
    }
    await chmod(target[root], stat.mode & 0o777);
    await utimes(target[root], stat.atime, stat.mtime);
  }
  await removeTree(join(directory, from));
  await rm(join(own, moveFile), { force: true });
}
