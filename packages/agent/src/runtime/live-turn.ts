import type { UiChunk } from "../chat/messages.ts";

/** The stream of a turn that is queued or running: what was written so far, for any number of readers. */
export class LiveTurn<Chunk = UiChunk> {
  readonly chunks: Chunk[];
  readonly #listeners = new Set<() => void>();
  #ended = false;

  /** `before` was written already. */
  constructor(before: readonly Chunk[] = []) {
    this.chunks = [...before];
  }

  /** True when no chunk follows. */
  get ended(): boolean {
    return this.#ended;
  }

  push(chunk: Chunk): void {
    this.chunks.push(chunk);
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Calls `listener` after each chunk and at the end; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async finished(): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const stop = this.onChange(() => {
        if (!this.#ended) return;
        stop();
        resolve();
      });
    });
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
