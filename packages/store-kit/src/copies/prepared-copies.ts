import type { Logger } from "@holdfast/core";
import type { CopyStamp, LocalCopies } from "./local-copy.ts";
import { LocalFile } from "./local-file.ts";

/** A local copy that is open, and has no stamp until it is closed. */
export interface PreparedCopy {
  readonly stamp: CopyStamp;
  readonly file: LocalFile;
  /** See `LocalCopies.origin`. */
  readonly origin: string;
}

/** Beyond this number, the oldest is closed. */
const maxPrepared = 64;

/**
 * Local copies of actors that are being acquired: opened while the server answers, which takes longer. What is not
 * claimed is closed again and keeps its stamp.
 */
export class PreparedCopies {
  readonly #copies: LocalCopies;
  readonly #maxBytes: number | undefined;
  readonly #log: Logger;
  readonly #prepared = new Map<string, PreparedCopy>();

  constructor(copies: LocalCopies, maxBytes: number | undefined, log: Logger) {
    this.#copies = copies;
    this.#maxBytes = maxBytes;
    this.#log = log;
  }

  has(actorId: string): boolean {
    return this.#prepared.has(actorId);
  }

  /** Opens the copy if there is a valid one. Nothing else may use its files. */
  add(actorId: string): void {
    try {
      const { origin } = this.#copies;
      const stamp = this.#copies.takeStamp(actorId);
      if (stamp === undefined) return;
      const file = new LocalFile(this.#copies.pathOf(actorId), this.#maxBytes);
      this.#prepared.set(actorId, { stamp, file, origin });
    } catch (error) {
      // Without a stamp it is loaded again, or the same error reaches whoever opens it.
      this.#log.debug("local copy of a database could not be opened early", { actorId, error });
    }
  }

  /** The copy, open, if it has this version; otherwise it is closed and only its stamp is returned. */
  take(actorId: string, version: number | undefined): PreparedCopy | CopyStamp | undefined {
    const prepared = this.#prepared.get(actorId);
    if (prepared === undefined) return undefined;
    this.#prepared.delete(actorId);
    if (prepared.origin !== this.#copies.origin) {
      prepared.file.close();
      this.#copies.discard(actorId);
      return undefined;
    }
    if (prepared.stamp.version === version) return prepared;
    prepared.file.close();
    return prepared.stamp;
  }

  /** Copies beyond the limit, which no open has claimed: the oldest first. */
  get excess(): readonly string[] {
    return [...this.#prepared.keys()].slice(0, Math.max(0, this.#prepared.size - maxPrepared));
  }

  /** Closes a copy that is not needed, and keeps it. */
  async release(actorId: string): Promise<void> {
    const stamp = this.take(actorId, undefined);
    if (stamp !== undefined && !("file" in stamp)) await this.#copies.keep(actorId, stamp);
  }

  /** Closes all and keeps them. */
  async close(): Promise<void> {
    await Promise.all([...this.#prepared.keys()].map((actorId) => this.release(actorId)));
  }
}
