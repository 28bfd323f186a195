import { Listeners, type Report } from "./listeners.ts";

/** The event by which an actor tells who is here: docs/reference/wire.md. */
export const presenceEvent = "$presence";

/** Subscribes to the presence event; the returned function ends that. */
type Subscribe = (callback: (...args: readonly unknown[]) => void) => () => void;

/** Who is here, as one connection has been told. */
export class PresenceView {
  readonly #subscribe: Subscribe;
  readonly #listeners: Listeners<[ReadonlyMap<string, unknown>]>;
  #present: ReadonlyMap<string, unknown> = new Map();
  #subscribed = false;

  constructor(subscribe: Subscribe, report: Report) {
    this.#subscribe = subscribe;
    this.#listeners = new Listeners(report);
  }

  now(): ReadonlyMap<string, unknown> {
    this.#begin();
    return this.#present;
  }

  listen(callback: (present: ReadonlyMap<string, unknown>) => void): () => void {
    this.#begin();
    return this.#listeners.add(callback);
  }

  #begin(): void {
    if (this.#subscribed) return;
    this.#subscribed = true;
    this.#subscribe((kind, subject, value) => this.#told(kind, subject, value));
  }

  #told(kind: unknown, subject: unknown, value: unknown): void {
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
