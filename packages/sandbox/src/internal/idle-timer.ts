/** Tells once when nothing has used its owner for a while. */
export class IdleTimer {
  readonly #afterMs: number;
  readonly #isIdle: () => boolean;
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `afterMs` 0 switches it off. */
  constructor(afterMs: number, isIdle: () => boolean, onIdle: () => void) {
    this.#afterMs = afterMs;
    this.#isIdle = isIdle;
    this.#onIdle = onIdle;
  }

  /** Its owner was used, or may have become idle: the time starts over. */
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
