import type { AccessChanges } from "../access/guard.ts";

/** Signals by person, which end what is open when their rights may have changed. For one process. */
export class PersonSignals implements AccessChanges {
  #now = 0;
  /** When the rights of a person last changed. */
  readonly #changedAt = new Map<string, number>();
  readonly #controllers = new Map<string, AbortController>();

  mark(): number {
    return this.#now;
  }

  signalSince(personId: string, mark: number): AbortSignal {
    // It changed while the request was being checked.
    if ((this.#changedAt.get(personId) ?? 0) > mark) return AbortSignal.abort();
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
}
