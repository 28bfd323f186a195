/** One event of an instance's stream. */
export interface LoggedEvent {
  /** Starts at 1 and has no gaps, even across restarts of the agent's process. */
  readonly seq: number;
  readonly data: string;
  /** Bytes of all events before this one. */
  readonly startOffset: number;
  /** Bytes of all events up to and including this one. */
  readonly endOffset: number;
}

/**
 * Ring buffer of the newest events of an instance's stream, bounded by count and by bytes. A reader compares its
 * position with {@link firstSeq} to detect dropped events.
 */
export class EventLog {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  /** The event `seq` is at `#events[seq - #base]`. Dropped events are removed from the front in bulk. */
  #events: LoggedEvent[] = [];
  #base = 1;
  #first = 1;
  #last = 0;
  #offset = 0;
  #notified = 0;
  #notifying: NodeJS.Immediate | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(maxEvents: number, maxBytes: number) {
    this.#maxEvents = maxEvents;
    this.#maxBytes = maxBytes;
  }

  /** The oldest retained number, or `lastSeq + 1` if none is retained. */
  get firstSeq(): number {
    return this.#first;
  }

  get lastSeq(): number {
    return this.#last;
  }

  /** The newest number that listeners were notified of. */
  get notifiedSeq(): number {
    return this.#notified;
  }

  /** Bytes of all events so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Appends an event and notifies the listeners: immediately, or with "soon" at the end of this turn of the event
   * loop, or earlier with the next immediate event.
   */
  append(data: string, when: "now" | "soon" = "now"): number {
    this.#last += 1;
    const startOffset = this.#offset;
    this.#offset += Buffer.byteLength(data);
    this.#events.push({ seq: this.#last, data, startOffset, endOffset: this.#offset });
    this.#trim();
    if (when === "now") this.#notify();
    else this.#notifying ??= setImmediate(() => this.#notify());
    return this.#last;
  }

  get(seq: number): LoggedEvent | undefined {
    return seq < this.#first ? undefined : this.#events[seq - this.#base];
  }

  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #notify(): void {
    clearImmediate(this.#notifying);
    this.#notifying = undefined;
    this.#notified = this.#last;
    for (const listener of this.#listeners) listener();
  }

  #trim(): void {
    // The newest event stays whatever its size, because live readers have to get it.
    while (this.#first < this.#last) {
      const oldest = this.#events[this.#first - this.#base];
      const bytes = this.#offset - (oldest?.startOffset ?? 0);
      if (this.#last - this.#first < this.#maxEvents && bytes <= this.#maxBytes) break;
      this.#first += 1;
    }
    const dead = this.#first - this.#base;
    if (dead > 1_024 && dead * 2 > this.#events.length) {
      this.#events = this.#events.slice(dead);
      this.#base = this.#first;
    } else if (dead > 0) {
      // The slot is freed in bulk later; its text is freed now.
      for (let index = dead - 1; index >= 0 && this.#events[index]?.data !== ""; index -= 1) {
        const event = this.#events[index];
        if (event) this.#events[index] = { ...event, data: "" };
      }
    }
  }
}
