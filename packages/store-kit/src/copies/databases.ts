import type { ActorDatabase, CommitBatch, DatabaseStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import { fenced, notFound } from "../errors.ts";
import type { ChangedPages } from "../turns/batch.ts";
import type { CopyStamp, LocalCopies, Page } from "./local-copy.ts";
import { LocalFile } from "./local-file.ts";
import { OpenDatabase } from "./open-database.ts";
import { PreparedCopies, type PreparedCopy } from "./prepared-copies.ts";

export interface DatabasesOptions {
  readonly ports: Ports;
  readonly source: PageSource;
  readonly copies: LocalCopies;
  readonly maxBytes: number | undefined;
  /** Resolves when no commit of this actor is waiting. */
  readonly settled: (actorId: string) => Promise<void>;
}

/** An actor's database according to its row. */
export interface AcquiredDatabase {
  readonly epoch: number;
  readonly version: number;
  /** Undefined if nothing was ever written. */
  readonly content: CopyStamp | undefined;
}

/** Where the pages of all databases are. */
export interface PageSource {
  /** Undefined if the actor does not exist or was destroyed. */
  acquired(actorId: string): Promise<AcquiredDatabase | undefined>;
  /** The pages that are newer than a version, in order; all of them for zero. */
  pages(actorId: string, newerThan: number): AsyncIterable<readonly Page[]>;
}

/** A database that is being opened. Commits of its owner raise the version in the meantime. */
interface Opening {
  readonly epoch: number;
  /** See `LocalCopies.origin`: that from before the pages were loaded. */
  readonly origin: string;
  version: number;
}

interface Loaded {
  readonly content: CopyStamp;
  /** Set if the copy is open already. */
  readonly file: PreparedCopy["file"] | undefined;
}

/** Beyond this number, the oldest entry is dropped and read again when needed. */
const maxAcquired = 1_024;

/**
 * Databases of the actors on this node. The pages on the server are authoritative. The local file is a copy, to which newer
 * pages are added when an owner opens it.
 */
export class Databases implements DatabaseStore {
  readonly #options: DatabasesOptions;
  readonly #open = new Map<string, OpenDatabase>();
  /** Running opens and closes, one at a time per actor. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #opening = new Map<string, Opening>();
  /** Content of acquired actors' databases that are not open yet. */
  readonly #contentOfClosed = new Map<string, AcquiredDatabase>();
  readonly #prepared: PreparedCopies;
  pagesLoaded = 0;

  constructor(options: DatabasesOptions) {
    const { copies, maxBytes, ports } = options;
    this.#options = options;
    this.#prepared = new PreparedCopies(copies, maxBytes, ports.log);
  }

  /** Opens the local copy of an actor, if there is one, while the actor is being acquired. */
  prepare(actorId: string): void {
    if (this.#open.has(actorId) || this.#busy.has(actorId) || this.#prepared.has(actorId)) return;
    this.#prepared.add(actorId);
    for (const oldest of this.#prepared.excess) this.#release(oldest);
  }

  #release(actorId: string): void {
    this.#inBackground(actorId, () => this.#prepared.release(actorId));
  }

  async open(actorId: string, epoch: number, isNew: boolean): Promise<ActorDatabase> {
    await this.#options.settled(actorId);
    return this.#exclusively(actorId, async () => {
      const before = this.#open.get(actorId);
      if (before !== undefined) {
        if (before.epoch > epoch) throw fenced(actorId);
        await this.#close(before);
      }
      const opening: Opening = { epoch, version: 0, origin: this.#options.copies.origin };
      this.#opening.set(actorId, opening);
      try {
        if (isNew) this.#discard(actorId);
        const loaded = isNew ? undefined : await this.#load(actorId, opening);
        const opened = this.#opened(actorId, opening, loaded);
        this.#open.set(actorId, opened);
        return opened.handle();
      } finally {
        this.#opening.delete(actorId);
      }
    });
  }

  /** Brings the local copy up to date and returns its content; undefined for an empty database. */
  async #load(actorId: string, opening: Opening): Promise<Loaded | undefined> {
    const { copies } = this.#options;
    const { epoch } = opening;
    const acquired = this.#contentOfClosed.get(actorId);
    this.#contentOfClosed.delete(actorId);
    const row = acquired?.epoch === epoch ? acquired : await this.#row(actorId, epoch);
    opening.version = Math.max(opening.version, row.version);
    const { content } = row;
    const prepared = this.#prepared.take(actorId, content?.version);
    if (content === undefined) {
      this.#discard(actorId);
      return undefined;
    }
    if (prepared !== undefined && "file" in prepared) return { content, file: prepared.file };
    const stamp = prepared ?? copies.takeStamp(actorId);
    if (stamp?.version !== content.version) await this.#complete(actorId, epoch, stamp, content);
    return { content, file: undefined };
  }

  /** Removes the local copy, which is not open. */
  #discard(actorId: string): void {
    this.#prepared.take(actorId, undefined);
    this.#options.copies.discard(actorId);
  }

  async #complete(
    actorId: string,
    epoch: number,
    stamp: CopyStamp | undefined,
    stored: CopyStamp,
  ): Promise<void> {
    const { copies, source } = this.#options;
    const isUsable =
      stamp !== undefined && stamp.version < stored.version && stamp.pageSize === stored.pageSize;
    if (!isUsable) copies.discard(actorId);
    const pages = source.pages(actorId, isUsable ? stamp.version : 0);
    this.pagesLoaded += await copies.write(actorId, stored, pages);
    // Throws `actor.fenced` if another owner may have changed pages during the read.
    await this.#row(actorId, epoch);
  }

  async #row(actorId: string, epoch: number): Promise<AcquiredDatabase> {
    const row = await this.#options.source.acquired(actorId);
    if (row === undefined) throw notFound(actorId);
    if (row.epoch !== epoch) throw fenced(actorId);
    return row;
  }

  #opened(actorId: string, { epoch, version, origin }: Opening, loaded: Loaded | undefined): OpenDatabase {
    const { copies, maxBytes } = this.#options;
    const file = loaded?.file ?? new LocalFile(copies.pathOf(actorId), maxBytes);
    return new OpenDatabase({
      ...{ id: actorId, file, epoch, version, stamp: loaded?.content, origin },
      onClose: (database) =>
        this.#inBackground(actorId, async () => {
          if (this.#open.get(actorId) === database) await this.#close(database);
        }),
    });
  }

  /** Commits the SQL of a turn locally, sends the turn with its changed pages and tracks its outcome. */
  commit(
    batch: CommitBatch,
    send: (pages: ChangedPages | undefined) => Promise<void>,
  ): Promise<void> | undefined {
    const database = this.#open.get(batch.actorId);
    if (database === undefined || database.isRetired) {
      this.#recordVersion(batch);
      return undefined;
    }
    try {
      const pages = database.commitLocally(batch);
      return database.track(batch, pages, () => send(pages));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Records a commit of an actor whose database is not open yet: it opens at that version. */
  #recordVersion({ actorId, epoch, version }: CommitBatch): void {
    const acquired = this.#contentOfClosed.get(actorId);
    if (acquired?.epoch === epoch) this.#contentOfClosed.set(actorId, { ...acquired, version });
    const opening = this.#opening.get(actorId);
    if (opening?.epoch === epoch) opening.version = version;
  }

  /** A new owner took over: stops the SQL of the previous one and remembers what the next `open` loads. */
  ownerChanged(actorId: string, acquired: AcquiredDatabase): void {
    this.#open.get(actorId)?.retire();
    if (acquired.content === undefined) {
      if (this.#prepared.has(actorId)) this.#release(actorId);
      return;
    }
    this.#contentOfClosed.set(actorId, acquired);
    for (const oldest of this.#contentOfClosed.keys()) {
      if (this.#contentOfClosed.size <= maxAcquired) break;
      this.#contentOfClosed.delete(oldest);
    }
  }

  /** Removes the local copy of a destroyed actor. */
  destroyed(actorId: string): void {
    this.#open.get(actorId)?.fail(fenced(actorId));
    this.#inBackground(actorId, async () => {
      const database = this.#open.get(actorId);
      if (database === undefined) this.#discard(actorId);
      else await this.#close(database);
    });
  }

  #inBackground(actorId: string, work: () => Promise<void>): void {
    this.#exclusively(actorId, work).catch((error: unknown) => {
      this.#options.ports.log.warn("local copy of a database could not be kept", { actorId, error });
    });
  }

  async #close(database: OpenDatabase): Promise<void> {
    const { copies, ports } = this.#options;
    await database.drained();
    if (this.#open.get(database.id) === database) this.#open.delete(database.id);
    if (!database.isOpen) return;
    database.close();
    const stamp = database.confirmed;
    if (stamp === undefined || database.origin !== copies.origin) return copies.discard(database.id);
    try {
      await copies.keep(database.id, stamp);
    } catch (error) {
      ports.log.warn("local copy of a database could not be kept", { actorId: database.id, error });
      copies.discard(database.id);
    }
  }

  async #exclusively<T>(actorId: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#busy.get(actorId) ?? Promise.resolve()).then(work);
    const ended = result.then(
      () => {},
      () => {},
    );
    this.#busy.set(actorId, ended);
    void ended.then(() => {
      if (this.#busy.get(actorId) === ended) this.#busy.delete(actorId);
    });
    return result;
  }

  /** Keeps all copies that are complete. */
  async close(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy.values());
    await Promise.all([...this.#open.values()].map((database) => this.#close(database)));
    await this.#prepared.close();
  }
}
