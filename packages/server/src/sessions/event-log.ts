import type { OutgoingEvent } from "@holdfast/actors";

export interface EventLogLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/**
 * Events recently sent to one client, to send again after it reconnects. Events are numbered from 1 on both sides, so
 * their numbers need not be sent.
 */
export class EventLog {
  readonly #limits: EventLogLimits;
  /** A queue; events before `#first` are dropped, and their slots are undefined. */
  #events: (OutgoingEvent | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  /** Number of the first event that is kept. */
  #first = 1;

  constructor(limits: EventLogLimits) {
    this.#limits = limits;
  }

  /** Number of events so far. */
  get count(): number {
    return this.#first + this.#events.length - this.#head - 1;
  }

  push(event: OutgoingEvent): void {
    this.#events.push(event);
    this.#bytes += event.args.length;
    while (this.#events.length - this.#head > this.#limits.maxEvents || this.#bytes > this.#limits.maxBytes) {
      if (this.#head >= this.#events.length) break;
      this.#shift();
    }
  }

  /** Drops events that the client has received. */
  acknowledge(received: number): void {
    while (this.#first <= received && this.#head < this.#events.length) this.#shift();
  }

  #shift(): void {
    const event = this.#events[this.#head];
    this.#events[this.#head++] = undefined;
    this.#bytes -= event?.args.length ?? 0;
    this.#first++;
    if (this.#head < 64 || this.#head * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }

  /** The events after the first `received`; undefined if some of them have been dropped. */
  since(received: number): readonly OutgoingEvent[] | undefined {
    if (received > this.count || received + 1 < this.#first) return undefined;
    return this.#events
      .slice(this.#head + received + 1 - this.#first)
      .filter((event): event is OutgoingEvent => event !== undefined);
  }
}
