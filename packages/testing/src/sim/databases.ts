import type { ActorDatabase, CommitBatch } from "@holdfast/actors";
import { MemoryDatabase } from "../store/memory-database.ts";

/** The databases of actors that one process works on: copies of what is durable, until their actor's next commit. */
export class ProcessDatabases {
  readonly #copies = new Map<string, Copy>();

  /** Opens a copy of `content`; an empty database without one. */
  open(actorId: string, epoch: number, content: Uint8Array | undefined): ActorDatabase {
    const name = nameOf(actorId, epoch);
    const copy: Copy = { database: new MemoryDatabase(content), isHandedIn: content !== undefined };
    this.#copies.set(name, copy);
    const handle = copy.database.handle(epoch, () => copy.isHandedIn);
    return {
      prepare: (sql) => handle.prepare(sql),
      get inTransaction() {
        return handle.inTransaction;
      },
      savepoint: (own) => handle.savepoint(own),
      release: (own) => handle.release(own),
      rollback: (own) => handle.rollback(own),
      settle: () => handle.settle(),
      close: () => {
        handle.close();
        if (this.#copies.get(name) === copy) this.#copies.delete(name);
      },
    };
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
}

/** Two instances of an actor never share a copy, although both may be in one process for a moment. */
function nameOf(actorId: string, epoch: number): string {
  return `${actorId}/${epoch}`;
}
