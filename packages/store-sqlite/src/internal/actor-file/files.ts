import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { ActorDatabase, KvRange } from "@holdfast/actors";
import { isErrorCode, type Logger, type Ports } from "@holdfast/core";
import { makeDirectory } from "../database.ts";
import { mapSqliteError, notFound } from "../errors.ts";
import { WorkerThread } from "../worker-thread.ts";
import { ActorFile } from "./actor-file.ts";
import type { FileDirectory } from "./directory.ts";
import type { FileHost, FileSettings } from "./file-host.ts";
import type { FileContent } from "./file-writes.ts";
import { actorFilePath, eraseFile, findOrphans, syncDirectoryOf } from "./paths.ts";

export interface ActorFilesOptions {
  /** The store's directory. */
  readonly path: string;
  readonly ports: Ports;
  readonly directory: FileDirectory;
  /** Writes to the store's database; resolves when the write is durable. */
  readonly write: (actorId: string, work: () => void, hides?: boolean) => Promise<void>;
  /** All data of an actor in the store's database; undefined if it is not stored there. */
  readonly shared: (actorId: string) => FileContent | undefined;
  /** Removes that data in the open transaction. */
  readonly forgetShared: (actorId: string) => void;
  /** Called after a crash, before anything else, for other clean-up. */
  readonly recover: (files: ActorFiles) => void;
  readonly maxOpenFiles: number;
  readonly settings: FileSettings;
}

/** The database files of actors that have one of their own. */
export class ActorFiles implements FileHost<ActorFile> {
  readonly log: Logger;
  readonly settings: FileSettings;
  readonly syncs = { running: 0 };
  readonly #options: ActorFilesOptions;
  readonly #directory: FileDirectory;
  /** By id, least recently used first. */
  readonly #files = new Map<string, ActorFile>();
  readonly #thread: WorkerThread;
  readonly #background = new Set<Promise<unknown>>();
  readonly #checkpointing = new Set<ActorFile>();
  #lastUsed: ActorFile | undefined;
  #lastCommitted: ActorFile | undefined;
  #dirty: Promise<void> | undefined;

  constructor(options: ActorFilesOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.log = options.ports.log;
    this.settings = options.settings;
    this.#thread = new WorkerThread("");
    this.#reconcile();
  }

  now(): number {
    return this.#options.ports.clock.now();
  }

  /** Number of open connections. */
  get openCount(): number {
    let count = 0;
    for (const file of this.#files.values()) if (file.isOpen) count++;
    return count;
  }

  /** The file of an actor, opened on demand; undefined if it has none. */
  find(id: string): ActorFile | undefined {
    const known = this.#files.get(id);
    if (known !== undefined) return known.exists ? known : undefined;
    if (!this.#directory.has(id)) return undefined;
    const file = this.#addFile(id, false);
    // Close it after this turn of the event loop, unless an owner has opened it.
    this.#options.ports.tasks.macrotask(() => {
      if (!file.isOwned) this.#inBackground(this.#closeUnowned(file));
    });
    return file;
  }

  /**
   * Whether the file of an actor has an entry within a range; undefined for an actor without a file. True for a file
   * that cannot be read: it must neither block other actors nor lose what it refers to.
   */
  hasEntry(id: string, range: Omit<KvRange, "limit">): boolean | undefined {
    try {
      const file = this.find(id);
      return file && file.kvList({ ...range, limit: 1 }).length > 0;
    } catch (error) {
      this.log.error("file of an actor cannot be read", { actorId: id, error });
      return true;
    }
  }

  /** The file of an actor if it is in memory, even if the actor is still being created. */
  get(id: string): ActorFile | undefined {
    return this.#files.get(id);
  }

  /** See `DatabaseStore.open`. */
  async open(id: string, epoch: number, isNew: boolean): Promise<ActorDatabase> {
    if (isNew) {
      await this.setDirty();
      makeDirectory(dirname(this.pathOf(id)));
      this.#erase(id);
      const file = this.#addFile(id, true);
      file.isOwned = true;
      return file.handle(epoch);
    }
    const file = this.find(id) ?? (await this.#moveToFile(id));
    if (!file.isOwned) {
      // It was released since it was acquired, so the directory may already mark it as closed.
      file.isOwned = true;
      await this.#options.write(id, () => void this.#directory.mark(id, true));
    }
    return file.handle(epoch);
  }

  /** Opens a file that is already at its path, for an actor that does not exist yet. */
  adopt(id: string): ActorFile {
    const file = this.#addFile(id, true);
    file.isOwned = true;
    return file;
  }

  /** Creates a file for an actor without one, and moves the actor's data there. */
  async #moveToFile(id: string): Promise<ActorFile> {
    const content = this.#options.shared(id);
    if (content === undefined) throw notFound(id);
    await this.setDirty();
    makeDirectory(dirname(this.pathOf(id)));
    this.#erase(id);
    const file = this.#addFile(id, true);
    file.isOwned = true;
    try {
      file.fill(content);
      await Promise.all([file.synced(), syncDirectoryOf(file.path)]);
      await this.#options.write(id, () => {
        this.#directory.add(id, true);
        this.#options.forgetShared(id);
      });
    } catch (error) {
      this.discard(file);
      throw error;
    }
    file.exists = true;
    return file;
  }

  /** Makes the first commit of a file durable before the store's database refers to it. */
  async syncFirstCommit(file: ActorFile, callers: number): Promise<void> {
    await Promise.all([this.syncCommit(file, callers), syncDirectoryOf(file.path)]);
  }

  /** Syncs the last commit; synchronously if nothing else is going on. */
  syncCommit(file: ActorFile, callers: number): Promise<void> {
    const alone = callers <= 1 && this.syncs.running === 0 && this.#lastCommitted === file;
    this.#lastCommitted = file;
    return file.synced(alone);
  }

  /** Removes a file whose actor was destroyed or never created. */
  discard(file: ActorFile): void {
    file.isOwned = false;
    this.#files.delete(file.id);
    if (this.#lastUsed === file) this.#lastUsed = undefined;
    if (this.#lastCommitted === file) this.#lastCommitted = undefined;
    const remove = () => {
      file.suspend();
      this.#erase(file.id);
    };
    // Only the same id could use the path again, and ids are unique.
    if (file.isIdle) remove();
    else {
      file.rollback();
      this.#inBackground(
        file
          .synced()
          .catch(() => {})
          .then(remove),
      );
    }
  }

  /** Called when the row of a destroyed actor is durable: removes its file and its directory entry. */
  removeDestroyed(file: ActorFile): void {
    this.discard(file);
    this.#inBackground(this.#options.write(file.id, () => this.#directory.remove(file.id)));
  }

  onUse(file: ActorFile): void {
    if (this.#lastUsed === file) return;
    this.#lastUsed = file;
    if (this.#files.get(file.id) !== file) return;
    this.#files.delete(file.id);
    this.#files.set(file.id, file);
    this.#closeExcess();
  }

  /** Closes idle connections until their number is within the limit. */
  #closeExcess(): void {
    if (this.#files.size <= this.#options.maxOpenFiles) return;
    let excess = this.openCount - this.#options.maxOpenFiles;
    for (const other of this.#files.values()) {
      if (excess <= 0) return;
      if (other === this.#lastUsed || !other.isOpen || !other.isIdle) continue;
      if (this.#checkpointing.has(other)) continue;
      other.suspend();
      excess -= 1;
    }
  }

  onIdle(_file: ActorFile): void {
    this.#closeExcess();
  }

  checkpoint(file: ActorFile): void {
    if (this.#checkpointing.has(file)) return;
    this.#checkpointing.add(file);
    const done = () => void this.#checkpointing.delete(file);
    const moved = (): void => {
      done();
      file.checkpointed();
    };
    this.#inBackground(
      this.#thread
        .send({ type: "checkpoint-file", file: file.path, mode: "PASSIVE" })
        .then(moved, (error) => {
          done();
          // A file that has been removed in the meantime has nothing left to move.
          if (this.#files.get(file.id) !== file) return;
          this.log.warn("checkpoint failed", { actorId: file.id, error: mapSqliteError(error) });
        }),
    );
  }

  release(file: ActorFile): void {
    file.isOwned = false;
    if (!file.exists) {
      this.discard(file);
      return;
    }
    file.wasOwned = true;
    file.rollback();
    this.#inBackground(this.#closeUnowned(file));
  }

  /**
   * Checkpoints and closes a file without an owner or readers, and marks it as closed in the directory. A reader
   * and an owner may finish at the same time: the one that closes the file acts for both.
   */
  async #closeUnowned(file: ActorFile): Promise<void> {
    try {
      await file.synced();
      if (file.isOwned || file.isFailed) return;
      // A file that was closed to save connections has been checkpointed then.
      if (file.isOpen) await this.#thread.send({ type: "checkpoint-file", file: file.path, mode: "PASSIVE" });
      if (file.isOwned || !file.isIdle || this.#files.get(file.id) !== file) return;
      this.#files.delete(file.id);
      if (this.#lastUsed === file) this.#lastUsed = undefined;
      file.suspend();
      if (!file.wasOwned) return;
      await this.#options.write(file.id, () => {
        // A new owner has marked it as open again, or will, with a newer epoch.
        if (this.#files.get(file.id)?.isOwned !== true) this.#directory.markClosed(file.id, file.epoch);
      });
    } catch (error) {
      if (isErrorCode(error, "store", "closed")) return;
      this.log.warn("file of an actor was not closed cleanly", { actorId: file.id, error });
    }
  }

  pathOf(id: string): string {
    return actorFilePath(this.#options.path, id);
  }

  /** Copies a file in the thread. Resolves when everything in the copy is durable. */
  async copy(file: ActorFile, target: string): Promise<void> {
    try {
      await this.#thread.send({ type: "copy-file", file: file.path, target });
    } catch (error) {
      throw existsSync(file.path) ? mapSqliteError(error) : notFound(file.id);
    }
    // The copy may contain writes that are not durable yet, which must not be visible before they are.
    await file.synced();
  }

  /**
   * Closes all files after the last commit. `write` runs its work in a transaction of the store's database; without
   * it, the directory is repaired when the store is opened again.
   */
  async close(write: ((work: () => void) => void) | undefined): Promise<void> {
    const files = [...this.#files.values()];
    for (const file of files) {
      file.rollback();
      await file.synced().catch(() => {});
    }
    while (this.#background.size > 0) await Promise.allSettled(this.#background);
    await this.#thread.close();
    for (const file of files) {
      file.suspend();
      if (!file.exists) this.#erase(file.id);
    }
    this.#files.clear();
    const inOrder = files.filter((file) => file.exists && !file.isFailed);
    write?.(() => {
      for (const file of inOrder) this.#directory.mark(file.id, false);
      this.#directory.setDirty(false);
    });
  }

  #addFile(id: string, isNew: boolean): ActorFile {
    const file = new ActorFile(id, this.pathOf(id), this, isNew);
    this.#files.set(id, file);
    this.#lastUsed = file;
    this.#closeExcess();
    return file;
  }

  /** Resolves when it is durable that this process may leave files that need clean-up. */
  setDirty(): Promise<void> {
    if (this.#dirty !== undefined) return this.#dirty;
    const dirty = this.#options.write("", () => this.#directory.setDirty(true));
    this.#dirty = dirty;
    // The disk may have space the next time.
    dirty.catch(() => {
      this.#dirty = undefined;
    });
    return dirty;
  }

  #inBackground(work: Promise<unknown>): void {
    const tracked = work.catch((error: unknown) => {
      // Clean-up that a closed store refuses is done when it is opened again.
      if (!isErrorCode(error, "store", "closed")) this.log.warn("clean-up of a file failed", { error });
    });
    this.#background.add(tracked);
    void tracked.finally(() => this.#background.delete(tracked));
  }

  #erase(id: string): void {
    eraseFile(this.pathOf(id));
  }

  /**
   * Repairs what a crash has left: wake-up times, files of destroyed actors, files of actors that were never created.
   */
  #reconcile(): void {
    for (const { id, isDestroyed } of this.#directory.unfinished()) {
      if (isDestroyed) {
        this.#erase(id);
        this.#directory.remove(id);
        continue;
      }
      try {
        const file = new ActorFile(id, this.pathOf(id), this, false);
        this.#directory.setWake(id, file.wakeAt);
        this.#directory.mark(id, false);
        file.suspend();
      } catch (error) {
        // One unreadable actor must not keep the others from starting.
        this.log.error("file of an actor cannot be read", { actorId: id, error });
      }
    }
    this.#lastUsed = undefined;
    if (!this.#directory.isDirty) return;
    const isKnown = (id: string): boolean => this.#directory.has(id);
    for (const path of findOrphans(this.#options.path, isKnown, () => this.#directory.ids())) eraseFile(path);
    this.#options.recover(this);
    this.#directory.setDirty(false);
  }
}
