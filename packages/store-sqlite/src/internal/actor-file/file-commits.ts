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
  readonly #births = new Map<string, Promise<void>>();
  /** Actors whose destruction is being written. */
  readonly #endings = new Set<string>();

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
    const file = record.destroyedAt === undefined ? this.#files.live(record.id) : undefined;
    return file?.exists ? file.overlay(record) : record;
  }

  /** Called within the transaction of an acquisition; false for an actor without a file. */
  markOpen(id: string): boolean {
    return this.#directory.mark(id, true);
  }

  /** Loads what a new owner needs from the file. */
  load(loaded: LoadedActor): LoadedActor {
    const { record } = loaded;
    const file = this.#files.find(record.id);
    if (file === undefined) throw fenced(record.id);
    file.acquire(record.epoch);
    const state = file.state();
    return { record: file.current(record), hasDatabase: true, ...(state === undefined ? {} : { state }) };
  }

  async commit(file: ActorFile, batch: CommitBatch): Promise<void> {
    if (this.#endings.has(file.id)) throw fenced(file.id);
    if (batch.destroyedAt !== undefined) return this.#destroy(file, batch, batch.destroyedAt);
    file.commit(batch);
    const callers = batch.calls?.length ?? 1;
    if (batch.create !== undefined) {
      const birth = this.#bear(file, batch, callers).finally(() => this.#births.delete(file.id));
      this.#births.set(file.id, birth);
      return birth;
    }
    const durable = this.#files.committed(file, callers);
    const birth = this.#births.get(file.id);
    if (birth === undefined && batch.wakeAt === undefined) return durable;
    const hint = batch.wakeAt === undefined ? undefined : this.#hint(file.id, batch.wakeAt, birth);
    await Promise.all([durable, birth, hint]);
  }

  async #hint(id: string, wakeAt: number | null, birth: Promise<void> | undefined): Promise<void> {
    await birth;
    await this.#write({ actorId: id, work: () => this.#directory.setWake(id, wakeAt ?? undefined) });
  }

  /** Creates an actor from a file with the user's tables that has been put in its place. */
  async adopt(create: CommitBatch, content: FileContent): Promise<void> {
    const file = this.#files.take(create.actorId);
    try {
      file.fill(content);
    } catch (error) {
      this.#files.discard(file);
      throw error;
    }
    await this.#bear(file, create, 1);
    this.#files.release(file);
  }

  async #bear(file: ActorFile, batch: CommitBatch, callers: number): Promise<void> {
    const row = rowOf(batch);
    try {
      await this.#files.born(file, callers);
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
    this.#endings.add(file.id);
    try {
      if (batch.create !== undefined) return await this.#pass(file, batch);
      await this.#births.get(file.id);
      await this.#write({
        actorId: file.id,
        work: () => {
          if (!this.#directory.destroy(file.id, destroyedAt)) throw fenced(file.id);
        },
        hides: true,
      });
      this.#files.destroyed(file);
    } finally {
      this.#endings.delete(file.id);
    }
  }

  /** An actor that one commit creates and destroys: it gets a row, and never a file. */
  async #pass(file: ActorFile, batch: CommitBatch): Promise<void> {
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
