import type { OutgoingEvent } from "@holdfast/actors";

export interface EventLogLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** Events with consecutive numbers. */
export interface KeptEvents {
  /** Number of the first of them, or of the next event if there is none. */
  readonly first: number;
  readonly events: readonly OutgoingEvent[];
}

const noEvents: KeptEvents = { first: 1, events: [] };

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
  #first: number;

  /** Starts with events that an earlier log has kept. */
  constructor(limits: EventLogLimits, { first, events }: KeptEvents = noEvents) {
    this.#limits = limits;
    this.#first = first;
    for (const event of events) this.push(event);
  }

  /** Everything that is kept. */
  kept(): KeptEvents {
    const events = this.#events.slice(this.#head);
    return { first: this.#first, events: events.filter((event) => event !== undefined) };
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
