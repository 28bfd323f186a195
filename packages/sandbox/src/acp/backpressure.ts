import type { EventLog } from "./event-log.ts";

/** How far a reader has read, in bytes of the event stream. */
export interface ReaderPosition {
  readonly offset: number;
}

/** A source of events that can be paused: the output of an agent's process. */
export interface PausableOutput {
  pauseOutput(): void;
  resumeOutput(): void;
}

/** Pauses an agent's output while its slowest reader lags more than `maxLagBytes` behind the event log. */
export class Backpressure {
  readonly #events: EventLog;
  readonly #maxLagBytes: number;
  readonly #output: () => PausableOutput | undefined;
  readonly #readers = new Set<ReaderPosition>();
  #isPaused = false;

  constructor(events: EventLog, maxLagBytes: number, output: () => PausableOutput | undefined) {
    this.#events = events;
    this.#maxLagBytes = maxLagBytes;
    this.#output = output;
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  /** Returns the function that removes the reader again. */
  addReader(reader: ReaderPosition): () => void {
    this.#readers.add(reader);
    return () => {
      this.#readers.delete(reader);
      this.resumeIfCaughtUp();
    };
  }

  pauseIfBehind(): void {
    if (this.#isPaused || this.#lag() <= this.#maxLagBytes) return;
    this.#isPaused = true;
    this.#output()?.pauseOutput();
  }

  /** Resumes the output once the slowest reader is at half of the allowed lag. */
  resumeIfCaughtUp(): void {
    if (!this.#isPaused || this.#lag() > this.#maxLagBytes / 2) return;
    this.#isPaused = false;
    this.#output()?.resumeOutput();
  }

  /** Forgets the pause, because its process has exited. */
  reset(): void {
    this.#isPaused = false;
  }

  /** Bytes that the slowest reader has not read; 0 without readers, when only the log's bounds apply. */
  #lag(): number {
    let lag = 0;
    for (const reader of this.#readers) lag = Math.max(lag, this.#events.offset - reader.offset);
    return lag;
  }
}
