import type { ActorDatabase, CommitBatch } from "@holdfast/actors";
import { MemoryDatabase } from "@holdfast/test-kit/memory-database";

/** Working copies of the actors' databases in one process, from the last commit of each actor. */
export class ProcessDatabases {
  readonly #copies = new Map<string, Copy>();

  /** Opens a copy of `content`, or an empty database. */
  open(actorId: string, epoch: number, content: Uint8Array | undefined): ActorDatabase {
    const name = nameOf(actorId, epoch);
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
