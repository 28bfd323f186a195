/** Calls a function once its owner has been idle for a while. */
export class IdleTimer {
  readonly #afterMs: number;
  readonly #isIdle: () => boolean;
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `afterMs` 0 disables the timer. */
  constructor(afterMs: number, isIdle: () => boolean, onIdle: () => void) {
    this.#afterMs = afterMs;
    this.#isIdle = isIdle;
    this.#onIdle = onIdle;
  }

  /** Restarts the timeout: the owner was used, or may have become idle. */
  touch(): void {
    if (this.#afterMs === 0 || this.#stopped) return;
    if (this.#timer) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isIdle()) this.#onIdle();
      else this.touch();
    }, this.#afterMs);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
