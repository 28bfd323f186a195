/** What a call asks of the signal that cancels it: an `AbortSignal` is one. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
  throwIfAborted(): void;
}

/**
 * A signal with its own `abort`, for hosts: every call has one and hardly any is cancelled, and an
 * `AbortController` with a listener costs a call more than its action.
 */
export class Cancellation implements CancelSignal {
  #aborted = false;
  #reason: unknown;
  /** Most have one listener at most. */
  #listener: (() => void) | undefined;
  #others: (() => void)[] | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  /** Each listener is called once, and not at all when it has been aborted before. */
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

  /** The first one counts. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    for (let listener = this.#next(); listener !== undefined; listener = this.#next()) listener();
  }
}
