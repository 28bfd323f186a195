/** A bounded queue between one writer that waits and one reader that iterates. */
export class Channel<T> implements AsyncIterableIterator<T> {
  readonly #limit: number;
  readonly #onReturn: () => void;
  #items: T[] = [];
  #ended = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];

  constructor(limit: number, onReturn: () => void) {
    this.#limit = limit;
    this.#onReturn = onReturn;
  }

  /** Resolves when the item is in the queue, or dropped because the reader left. */
  async push(item: T): Promise<void> {
    while (this.#items.length >= this.#limit && !this.#ended) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    }
    if (this.#ended) return;
    this.#items.push(item);
    this.#wakeReader?.();
  }

  /** The reader receives the queued values, then the end. */
  end(): void {
    this.#ended = true;
    this.#wakeReader?.();
    this.#wakeAll();
  }

  async next(): Promise<IteratorResult<T>> {
    for (;;) {
      if (this.#items.length > 0) {
        const [item] = this.#items.splice(0, 1);
        this.#wakeAll();
        if (item !== undefined) return { done: false, value: item };
      }
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      this.#wakeReader = undefined;
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#items = [];
    this.end();
    this.#onReturn();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wakeAll(): void {
    const writers = this.#wakeWriters;
    this.#wakeWriters = [];
    for (const wake of writers) wake();
  }
}
