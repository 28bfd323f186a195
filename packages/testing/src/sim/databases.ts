import type { ActorDatabase, CommitBatch } from "@holdfast/actors";
import { MemoryDatabase } from "@holdfast/test-kit/memory-database";
import { type PageUpdate, withUpdate } from "./pages.ts";

/**
 * Databases of actors in one process: working copies of those that are open, and local copies as of a version, so that
 * an actor that comes back loads only the pages that others have written since.
 */
export class ProcessDatabases {
  readonly #copies = new Map<string, Copy>();
  readonly #local = new Map<string, { readonly version: number; readonly content: Uint8Array }>();

  /** Version of the local copy; 0 without one. */
  localVersion(actorId: string): number {
    return this.#local.get(actorId)?.version ?? 0;
  }

  /** Keeps the database as a commit has stored it. */
  keep(actorId: string, version: number, content: Uint8Array): void {
    this.#local.set(actorId, { version, content });
  }

  /** Opens the local copy with its update, or an empty database. */
  open(actorId: string, epoch: number, update: PageUpdate | undefined): ActorDatabase {
    const name = nameOf(actorId, epoch);
    const content = update && withUpdate(this.#local.get(actorId)?.content ?? new Uint8Array(0), update);
    if (update !== undefined && content !== undefined) this.keep(actorId, update.version, content);
    const database = new MemoryDatabase(content);
    const handle = database.handle(epoch, () => copy.isCommitted);
    const copy: Copy = {
      database,
      isCommitted: content !== undefined,
      close: () => {
        if (this.#copies.get(name) !== copy) return;
        this.#copies.delete(name);
        handle.close();
        database.close();
      },
    };
    this.#copies.set(name, copy);
    return {
      prepare: (sql) => handle.prepare(sql),
      get inTransaction() {
        return handle.inTransaction;
      },
      savepoint: (own) => handle.savepoint(own),
      release: (own) => handle.release(own),
      rollback: (own) => handle.rollback(own),
      settle: () => handle.settle(),
      close: copy.close,
    };
  }

  /** Drops all copies at the end of the process. */
  closeAll(): void {
    for (const copy of [...this.#copies.values()]) copy.close();
  }

  /** Ends the transaction of the turn and returns the content of the database at that point. */
  commitCopy({ actorId, epoch, database }: CommitBatch): Uint8Array | undefined {
    const copy = this.#copies.get(nameOf(actorId, epoch));
    if (copy === undefined) return undefined;
    copy.database.commit();
    const isFirst = !copy.isCommitted;
    copy.isCommitted = true;
    return database === true || isFirst ? copy.database.serialize() : undefined;
  }
}

interface Copy {
  readonly database: MemoryDatabase;
  /** True once a commit has included it. */
  isCommitted: boolean;
  close(): void;
}

/** Includes the epoch: two instances of an actor may briefly share a process, but never a copy. */
function nameOf(actorId: string, epoch: number): string {
  return `${actorId}/${epoch}`;
}
