/** The part of an `AbortSignal` that cancels a call. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
  throwIfAborted(): void;
}

/**
 * A signal with its own `abort`, for hosts. Every call has one and hardly any is cancelled: an `AbortController` with
 * a listener costs more than the action of a call.
 */
export class Cancellation implements CancelSignal {
  #aborted = false;
  #reason: unknown;
  /** Most signals have at most one listener. */
  #listener: (() => void) | undefined;
  #others: (() => void)[] | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  /** Each listener is called once; a listener that is added after the abort is not called. */
  addEventListener(_type: "abort", listener: () => void): void {
    if (this.#aborted) return;
    if (this.#listener === undefined) {
      this.#listener = listener;
      return;
    }
    this.#others ??= [];
    this.#others.push(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    if (this.#listener === listener) this.#listener = this.#others?.shift();
    else if (this.#others !== undefined) this.#others = this.#others.filter((other) => other !== listener);
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  #next(): (() => void) | undefined {
    const listener = this.#listener;
    this.#listener = this.#others?.shift();
    return listener;
  }

  /** Only the first call has an effect. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    for (let listener = this.#next(); listener !== undefined; listener = this.#next()) listener();
  }
}
