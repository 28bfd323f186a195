export interface SnapshotTimerOptions {
  readonly intervalMs: number;
  /** Takes a snapshot; resolves with true while more changes are to be expected. */
  readonly take: () => Promise<boolean>;
  readonly onError: (error: unknown) => void;
}

/** The next snapshot comes no earlier than this many times as long as the last one took. */
const restFactor = 10;

/** Takes snapshots at intervals while something changes. Large machines get longer intervals. */
export class SnapshotTimer {
  readonly #options: SnapshotTimerOptions;
  #timer: NodeJS.Timeout | undefined;
  #taking: Promise<void> | undefined;
  #isDirty = false;
  #waitMs: number;
  #stopped = false;

  constructor(options: SnapshotTimerOptions) {
    this.#options = options;
    this.#waitMs = options.intervalMs;
  }

  /** A snapshot is due at the next interval. */
  schedule(): void {
    this.#isDirty = true;
    if (this.#stopped || this.#timer !== undefined || this.#taking !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#taking = this.#take().finally(() => {
        this.#taking = undefined;
        if (this.#isDirty) this.schedule();
      });
    }, this.#waitMs);
    // A snapshot alone keeps no process alive: the last one is taken when the actor stops.
    this.#timer.unref();
  }

  /** Waits for a snapshot that is being taken, and takes no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#taking;
  }

  async #take(): Promise<void> {
    const { intervalMs, take, onError } = this.#options;
    this.#isDirty = false;
    const startedAt = performance.now();
    try {
      if (await take()) this.#isDirty = true;
    } catch (error) {
      onError(error);
    }
    this.#waitMs = Math.max(intervalMs, restFactor * (performance.now() - startedAt));
  }
}
