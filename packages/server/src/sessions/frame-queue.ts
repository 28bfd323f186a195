/**
 * Frames of a client that wait for the actor: until it has accepted the connection, during `canSubscribe`, and while it
 * is out of memory.
 */
export class FrameQueue {
  #waiting: (() => void)[] | undefined;

  /** Starts closed, with `waiting` frames. */
  constructor(waiting: (() => void)[]) {
    this.#waiting = waiting;
  }

  /** True if frames are handled immediately. */
  get isOpen(): boolean {
    return this.#waiting === undefined;
  }

  /** Makes frames wait from now on. */
  close(): void {
    this.#waiting ??= [];
  }

  /** Adds a frame behind those that wait. Returns their number. */
  push(run: () => void): number {
    this.#waiting ??= [];
    return this.#waiting.push(run);
  }

  /** Adds a frame before those that wait. */
  unshift(run: () => void): void {
    this.#waiting ??= [];
    this.#waiting.unshift(run);
  }

  /** Opens the queue and handles the waiting frames in order. One of them may close it again. */
  flush(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const run of waiting) {
      if (this.isOpen) run();
      else this.push(run);
    }
  }

  /** Opens the queue without handling the waiting frames. */
  clear(): void {
    this.#waiting = undefined;
  }
}
