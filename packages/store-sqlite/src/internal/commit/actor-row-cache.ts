import { sqliteStoreLimits } from "../../limits.ts";

/** Where the rows of an actor are. */
export interface CachedActorRow {
  readonly no: number;
  /** The newest patch after the snapshot. */
  readonly patchHead: number | undefined;
}

/**
 * The places of the actors that were written last, so that the next commit of one of them need not look
 * them up. The fence itself is always the database's.
 *
 * Invariant: it says what the open transaction says. Whoever undoes any of that clears it.
 */
export class ActorRowCache {
  /** Two halves: what is not used while one fills up is forgotten, without an order to keep. */
  #young = new Map<string, CachedActorRow>();
  #old = new Map<string, CachedActorRow>();
  #lastPatch: number;

  /** Nobody else numbers patches; `lastPatch` is the highest number that there is. */
  constructor(lastPatch: number) {
    this.#lastPatch = lastPatch;
  }

  get(id: string): CachedActorRow | undefined {
    return this.#young.get(id) ?? this.#old.get(id);
  }

  set(id: string, actor: CachedActorRow): void {
    this.#young.set(id, actor);
    if (this.#young.size < sqliteStoreLimits.maxHotActors / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  delete(id: string): void {
    this.#young.delete(id);
    this.#old.delete(id);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  /** The number of the next patch. One that is never written leaves a gap, which means nothing. */
  nextPatch(): number {
    this.#lastPatch += 1;
    return this.#lastPatch;
  }
}
