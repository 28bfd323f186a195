import type { ActorRecord, CommitBatch, LoadedActor } from "@holdfast/actors";
import { applyCommit, type Tables } from "../commit/apply.ts";
import type { Change } from "../commit/group-committer.ts";
import { fenced } from "../errors.ts";
import type { ActorFile } from "./actor-file.ts";
import type { FileDirectory } from "./directory.ts";
import type { FileContent } from "./file-writes.ts";
import type { ActorFiles } from "./files.ts";

/**
 * Commits of actors with a file of their own. Invariant, the order between a file and its row in the store's database:
 * a new file is durable before its row; the mark that a file is open, before writes to it; the row of a destroyed
 * actor, before its file is removed. A crash in between leaves only what `ActorFiles` repairs when the store is opened
 * again.
 */
export class FileCommits {
  readonly #files: ActorFiles;
  readonly #directory: FileDirectory;
  readonly #tables: Tables;
  readonly #write: (change: Change) => Promise<void>;
  /** Actors whose row is being written. */
  readonly #creations = new Map<string, Promise<void>>();
  /** Actors whose destruction is being written. */
  readonly #destructions = new Set<string>();

  constructor(
    files: ActorFiles,
    directory: FileDirectory,
    tables: Tables,
    write: (change: Change) => Promise<void>,
  ) {
    this.#files = files;
    this.#directory = directory;
    this.#tables = tables;
    this.#write = write;
  }

  /** A record from the store's database, completed from its file. */
  overlay(record: ActorRecord): ActorRecord {
    const file = record.destroyedAt === undefined ? this.#files.get(record.id) : undefined;
    return file?.exists ? file.overlayDurable(record) : record;
  }

  /** Called within the transaction of an acquisition; false for an actor without a file. */
  markOpen(id: string): boolean {
    return this.#directory.mark(id, true);
  }

  /** Loads the state for a new owner from the file. */
  load(loaded: LoadedActor): LoadedActor {
    const { record } = loaded;
    const file = this.#files.find(record.id);
    if (file === undefined) throw fenced(record.id);
    file.acquire(record.epoch);
    const state = file.state();
    return {
      record: file.overlayCurrent(record),
      hasDatabase: true,
      ...(state === undefined ? {} : { state }),
    };
  }

  async commit(file: ActorFile, batch: CommitBatch): Promise<void> {
    if (this.#destructions.has(file.id)) throw fenced(file.id);
    if (batch.destroyedAt !== undefined) return this.#destroy(file, batch, batch.destroyedAt);
    file.commit(batch);
    const callers = batch.calls?.length ?? 1;
    if (batch.create !== undefined) {
      const creation = this.#create(file, batch, callers).finally(() => this.#creations.delete(file.id));
      this.#creations.set(file.id, creation);
      return creation;
    }
    const durable = this.#files.syncCommit(file, callers);
    const creation = this.#creations.get(file.id);
    if (creation === undefined && batch.wakeAt === undefined) return durable;
    const writeWakeTime =
      batch.wakeAt === undefined ? undefined : this.#hint(file.id, batch.wakeAt, creation);
    await Promise.all([durable, creation, writeWakeTime]);
  }

  async #hint(id: string, wakeAt: number | null, creation: Promise<void> | undefined): Promise<void> {
    await creation;
    await this.#write({ actorId: id, work: () => this.#directory.setWake(id, wakeAt ?? undefined) });
  }

  /** Creates an actor whose file, with only the user's tables, is already at its path. */
  async adopt(create: CommitBatch, content: FileContent): Promise<void> {
    const file = this.#files.adopt(create.actorId);
    try {
      file.fill(content);
    } catch (error) {
      this.#files.discard(file);
      throw error;
    }
    await this.#create(file, create, 1);
    this.#files.release(file);
  }

  async #create(file: ActorFile, batch: CommitBatch, callers: number): Promise<void> {
    const row = rowOf(batch);
    try {
      await this.#files.syncFirstCommit(file, callers);
      await this.#write({
        actorId: file.id,
        work: () => {
          applyCommit(this.#tables, row, { now: this.#files.now(), limits: this.#files.settings.history });
          this.#directory.add(file.id, true);
        },
      });
    } catch (error) {
      this.#files.discard(file);
      throw error;
    }
    file.exists = true;
  }

  async #destroy(file: ActorFile, batch: CommitBatch, destroyedAt: number): Promise<void> {
    file.endTurn(batch);
    this.#destructions.add(file.id);
    try {
      if (batch.create !== undefined) return await this.#createDestroyed(file, batch);
      await this.#creations.get(file.id);
      await this.#write({
        actorId: file.id,
        work: () => {
          if (!this.#directory.destroy(file.id, destroyedAt)) throw fenced(file.id);
        },
        hides: true,
      });
      this.#files.removeDestroyed(file);
    } finally {
      this.#destructions.delete(file.id);
    }
  }

  /** Writes a commit that creates and destroys an actor: it gets a row, and never a file. */
  async #createDestroyed(file: ActorFile, batch: CommitBatch): Promise<void> {
    const row = rowOf(batch);
    const context = { now: this.#files.now(), limits: this.#files.settings.history };
    try {
      await this.#write({
        actorId: file.id,
        work: () => void applyCommit(this.#tables, row, context),
        hides: true,
      });
    } finally {
      this.#files.discard(file);
    }
  }
}

/** The row in the store's database for an actor with a file of its own. */
function rowOf(batch: CommitBatch): CommitBatch {
  const { state: _, kv: __, calls: ___, database: ____, ...row } = batch;
  return row;
}
