/** One envelope on its way to the readers. */
export interface LoggedEvent {
  /** Starts at 1, without gaps, over restarts of the agent's process too. */
  readonly seq: number;
  readonly data: string;
  /** Bytes of all events before this one. */
  readonly startOffset: number;
  /** Bytes of all events up to and including this one. */
  readonly endOffset: number;
}

/**
 * The retained end of an instance's stream: bounded by count and by bytes, the oldest go first.
 * Who asks for what is gone learns from {@link firstSeq} what is missing.
 */
export class EventLog {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  /** Events of the window stand at `#events[seq - #base]`; the front is cut off in bulk. */
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

  /** The oldest retained number; one more than {@link lastSeq} when nothing is. */
  get firstSeq(): number {
    return this.#first;
  }

  get lastSeq(): number {
    return this.#last;
  }

  /** The newest number that listeners were told of. */
  get notifiedSeq(): number {
    return this.#notified;
  }

  /** Bytes of all events so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Appends an event and tells the listeners: now, or "soon", after what this turn of the event loop
   * still does, or before the next event that is told now.
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
    // The newest event stays whatever its size: it has to reach those who read now.
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
      // The slot stays until the next cut, but its text must not.
      for (let index = dead - 1; index >= 0 && this.#events[index]?.data !== ""; index -= 1) {
        const event = this.#events[index];
        if (event) this.#events[index] = { ...event, data: "" };
      }
    }
  }
}
