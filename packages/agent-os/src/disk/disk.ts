import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ActorBlobs } from "@holdfast/actors";
import { removeTree } from "@holdfast/sandbox-client/node";
import type { MachineFolders } from "../host/machine.ts";
import { allItems, decodeManifest, encodeManifest, type Manifest } from "./manifest.ts";
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
  /** Folder of this machine on this host. */
  readonly directory: string;
  readonly blob: ActorBlobs;
  readonly state: DiskState;
  /** Resolves when what was changed in the state is durable. */
  readonly commit: () => Promise<void>;
  readonly now: () => number;
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

  /** The folders, restored from the snapshot unless this host has newer ones. */
  async open(): Promise<MachineFolders> {
    const { directory, state, commit } = this.#options;
    const folders = this.folders;
    if (state.place !== null && (await this.#placeOnDisk()) === state.place) return folders;
    const partial = `${directory}.partial`;
    await removeTree(partial);
    const manifest = await this.#load();
    if (manifest === undefined) {
      for (const name of ["home", "workspace"])
        await mkdir(join(partial, name), { recursive: true, mode: 0o700 });
    } else await restoreSnapshot(manifest, this.#options.blob, partial);
    const place = randomUUID();
    await writeFile(join(partial, "place"), place);
    await removeTree(directory);
    await rename(partial, directory);
    state.place = place;
    await commit();
    return folders;
  }

  get folders(): MachineFolders {
    const { directory } = this.#options;
    return { home: join(directory, "home"), workspace: join(directory, "workspace") };
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
    await rm(join(this.#options.directory, "place"), { force: true });
    await removeTree(this.#options.directory);
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

  async #placeOnDisk(): Promise<string | undefined> {
    return readFile(join(this.#options.directory, "place"), "utf8").catch(() => undefined);
  }
}
