import type { ActorDatabase, CommitBatch } from "@holdfast/actors";
import { MemoryDatabase } from "@holdfast/test-kit/memory-database";

/** The databases of actors that one process works on: copies of what is durable, until their actor's next commit. */
export class ProcessDatabases {
  readonly #copies = new Map<string, Copy>();

  /** Opens a copy of `content`; an empty database without one. */
  open(actorId: string, epoch: number, content: Uint8Array | undefined): ActorDatabase {
    const name = nameOf(actorId, epoch);
    const database = new MemoryDatabase(content);
    const handle = database.handle(epoch, () => copy.isHandedIn);
    const copy: Copy = {
      database,
      isHandedIn: content !== undefined,
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

  /** The process is gone, and its copies with it. */
  closeAll(): void {
    for (const copy of [...this.#copies.values()]) copy.close();
  }

  /** Ends the transaction of the turn: what follows is of the next one. Returns what the database is then. */
  handIn({ actorId, epoch, database }: CommitBatch): Uint8Array | undefined {
    const copy = this.#copies.get(nameOf(actorId, epoch));
    if (copy === undefined) return undefined;
    copy.database.commit();
    const isFirst = !copy.isHandedIn;
    copy.isHandedIn = true;
    return database === true || isFirst ? copy.database.content() : undefined;
  }
}

interface Copy {
  readonly database: MemoryDatabase;
  /** Some commit has taken it along. */
  isHandedIn: boolean;
  close(): void;
}

/** Two instances of an actor never share a copy, although both may be in one process for a moment. */
function nameOf(actorId: string, epoch: number): string {
  return `${actorId}/${epoch}`;
}
