import type { OutgoingEvent } from "@holdfast/actors";

export interface EventLogLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/**
 * What one client was sent last, so that it can be sent again after a cut. Events are counted from the
 * first one on: that count is their number, on both sides, and never crosses the wire with an event.
 */
export class EventLog {
  readonly #limits: EventLogLimits;
  /** A queue; the events before `#first` are given up, and their places are undefined. */
  #events: (OutgoingEvent | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  /** The number of the first event that is kept. */
  #first = 1;

  constructor(limits: EventLogLimits) {
    this.#limits = limits;
  }

  /** How many events there have been. */
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

  /** The client has received so many: they need not be kept. */
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

  /** What came after the first `received` events; undefined when some of it is given up. */
  since(received: number): readonly OutgoingEvent[] | undefined {
    if (received > this.count || received + 1 < this.#first) return undefined;
    return this.#events
      .slice(this.#head + received + 1 - this.#first)
      .filter((event): event is OutgoingEvent => event !== undefined);
  }
}
