import { Listeners, type Report } from "../internal/listeners.ts";

/** Event that carries presence: docs/reference/wire.md. */
export const presenceEvent = "$presence";

/** Subscribes to the presence event; the returned function unsubscribes. */
type Subscribe = (callback: (...args: readonly unknown[]) => void) => () => void;

/** Presence as one connection has received it. Subscribes on first use. */
export class PresenceView {
  readonly #subscribe: Subscribe;
  readonly #listeners: Listeners<[ReadonlyMap<string, unknown>]>;
  #present: ReadonlyMap<string, unknown> = new Map();
  #subscribed = false;

  constructor(subscribe: Subscribe, report: Report) {
    this.#subscribe = subscribe;
    this.#listeners = new Listeners(report);
  }

  current(): ReadonlyMap<string, unknown> {
    this.#ensureSubscribed();
    return this.#present;
  }

  onChange(callback: (present: ReadonlyMap<string, unknown>) => void): () => void {
    this.#ensureSubscribed();
    return this.#listeners.add(callback);
  }

  #ensureSubscribed(): void {
    if (this.#subscribed) return;
    this.#subscribed = true;
    this.#subscribe((kind, subject, value) => this.#update(kind, subject, value));
  }

  #update(kind: unknown, subject: unknown, value: unknown): void {
    if (kind === "all") {
      this.#present = new Map(Array.isArray(subject) ? subject.filter(isEntry) : []);
    } else if (typeof subject === "string") {
      const next = new Map(this.#present);
      if (kind === "set") next.set(subject, value);
      else next.delete(subject);
      this.#present = next;
    }
    this.#listeners.emit(this.#present);
  }
}

function isEntry(value: unknown): value is [string, unknown] {
  return Array.isArray(value) && typeof value[0] === "string";
}
