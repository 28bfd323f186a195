import type { AccessChanges } from "../access/guard.ts";

/** Signals by person, which end what is open when their rights may have changed. For one process. */
export class PersonSignals implements AccessChanges {
  #now = 0;
  /** When the rights of everybody may have changed. */
  #allChangedAt = 0;
  /** When the rights of a person last changed. */
  readonly #changedAt = new Map<string, number>();
  readonly #controllers = new Map<string, AbortController>();

  mark(): number {
    return this.#now;
  }

  signalSince(personId: string, mark: number): AbortSignal {
    // It changed while the request was being checked.
    const changedAt = Math.max(this.#allChangedAt, this.#changedAt.get(personId) ?? 0);
    if (changedAt > mark) return AbortSignal.abort();
    const present = this.#controllers.get(personId);
    const controller = present ?? new AbortController();
    if (present === undefined) this.#controllers.set(personId, controller);
    return controller.signal;
  }

  changed(personId: string): void {
    this.#now += 1;
    this.#changedAt.set(personId, this.#now);
    this.#controllers.get(personId)?.abort();
    this.#controllers.delete(personId);
  }

  /** The rights of anybody may have changed, without this process knowing whose. */
  changedForAll(): void {
    this.#now += 1;
    this.#allChangedAt = this.#now;
    this.#changedAt.clear();
    const open = [...this.#controllers.values()];
    this.#controllers.clear();
    for (const controller of open) controller.abort();
  }
}
