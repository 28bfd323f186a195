import { sqliteStoreLimits } from "../../limits.ts";

/** Row numbers of an actor. */
export interface CachedActorRow {
  readonly no: number;
  /** The newest patch after the snapshot. */
  readonly patchHead: number | undefined;
}

/**
 * Row numbers of recently written actors, so that their next commit needs no look-up. The fence itself is always
 * checked in the database.
 *
 * Invariant: it matches the open transaction. Code that undoes any part of that clears it.
 */
export class ActorRowCache {
  /** Two generations: entries that are not used while one fills up are dropped, without keeping an order. */
  #recent = new Map<string, CachedActorRow>();
  #previous = new Map<string, CachedActorRow>();
  #lastPatch: number;

  /** Only this object numbers patches; `lastPatch` is the highest number in use. */
  constructor(lastPatch: number) {
    this.#lastPatch = lastPatch;
  }

  get(id: string): CachedActorRow | undefined {
    return this.#recent.get(id) ?? this.#previous.get(id);
  }

  set(id: string, actor: CachedActorRow): void {
    this.#recent.set(id, actor);
    if (this.#recent.size < sqliteStoreLimits.maxHotActors / 2) return;
    this.#previous = this.#recent;
    this.#recent = new Map();
  }

  delete(id: string): void {
    this.#recent.delete(id);
    this.#previous.delete(id);
  }

  clear(): void {
    this.#recent.clear();
    this.#previous.clear();
  }

  /** Returns the number for the next patch. A number that is never written leaves a harmless gap. */
  nextPatch(): number {
    this.#lastPatch += 1;
    return this.#lastPatch;
  }
}
