import type { ClientFrame } from "../driver.ts";
import { callUserCode, type Report } from "../internal/listeners.ts";
import { selectEarlyEvents } from "../network/early-events.ts";

export interface SubscriptionsOptions {
  readonly isConnected: () => boolean;
  /** True when the server may resume this connection, and with it the subscriptions that it had. */
  readonly canResume: () => boolean;
  readonly transmit: (frame: ClientFrame) => void;
  /** Receives errors thrown by callbacks. */
  readonly report: Report;
}

type EventCallback = (...args: readonly unknown[]) => void;

/** Event callbacks of a connection, and the subscriptions that the server must have for them. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #callbacks = new Map<string, Set<EventCallback>>();
  /** Events requested in the handshake of the current attempt. */
  #early: ReadonlySet<string> = new Set();
  /** Events unsubscribed while disconnected. The server may still send them after a resume. */
  readonly #pendingUnsubscribes = new Set<string>();

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#callbacks.size === 0;
  }

  has(event: string): boolean {
    return this.#callbacks.has(event);
  }

  /** Adds a callback, and subscribes with the first one of an event. The returned function removes it. */
  add(event: string, callback: EventCallback): () => void {
    const { isConnected, transmit } = this.#options;
    let callbacks = this.#callbacks.get(event);
    if (callbacks === undefined) {
      callbacks = new Set();
      this.#callbacks.set(event, callbacks);
      this.#pendingUnsubscribes.delete(event);
      if (isConnected()) transmit({ type: "subscribe", event });
    }
    // A wrapper per registration: a callback that is added twice is called twice.
    const entry: EventCallback = (...args) => callback(...args);
    callbacks.add(entry);
    return () => this.#remove(event, entry);
  }

  #remove(event: string, entry: EventCallback): void {
    const callbacks = this.#callbacks.get(event);
    if (callbacks?.delete(entry) !== true || callbacks.size > 0) return;
    this.#callbacks.delete(event);
    const { isConnected, canResume, transmit } = this.#options;
    if (isConnected()) transmit({ type: "unsubscribe", event });
    else if (canResume() || this.#early.has(event)) this.#pendingUnsubscribes.add(event);
  }

  deliver(event: string, args: readonly unknown[]): void {
    for (const callback of [...(this.#callbacks.get(event) ?? [])]) {
      callUserCode(callback, args, this.#options.report);
    }
  }

  /** Starts an attempt. Returns the events to request in its handshake. */
  beginHandshake(): readonly string[] {
    const early = selectEarlyEvents(this.#callbacks.keys());
    this.#early = new Set(early);
    return early;
  }

  /** Completes an attempt: sends what the handshake did not carry, and what changed while disconnected. */
  completeHandshake(): void {
    const { transmit } = this.#options;
    for (const event of this.#callbacks.keys()) {
      if (!this.#early.has(event)) transmit({ type: "subscribe", event });
    }
    for (const event of this.#pendingUnsubscribes) transmit({ type: "unsubscribe", event });
    this.#pendingUnsubscribes.clear();
  }
}
