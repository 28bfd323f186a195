import { Heap } from "./heap.ts";
import type { Message } from "./message.ts";

interface DueTime {
  readonly at: number;
  readonly message: Message;
}

/**
 * The times at which messages are due, in a heap. A message whose `dueAt` changes keeps its earlier items in the heap:
 * they are stale, and skipped.
 */
export class DueTimes {
  readonly #messages: ReadonlyMap<number, Message>;
  #heap = newHeap();

  constructor(messages: ReadonlyMap<number, Message>) {
    this.#messages = messages;
  }

  /** Adds a message with the time in its `dueAt`, if it has one. */
  add(message: Message): void {
    if (message.dueAt === undefined) return;
    this.#heap.push({ at: message.dueAt, message });
    // Bounds the memory of stale items.
    if (this.#heap.size > 2 * this.#messages.size + 64) this.#rebuild();
  }

  #rebuild(): void {
    this.#heap = newHeap();
    for (const message of this.#messages.values()) {
      if (message.dueAt !== undefined) this.#heap.push({ at: message.dueAt, message });
    }
  }

  /** The earliest time; undefined if no message is due at any time. */
  get earliest(): number | undefined {
    for (let first = this.#heap.peek(); first !== undefined; first = this.#heap.peek()) {
      if (first.message.dueAt === first.at) return first.at;
      this.#heap.pop();
    }
    return undefined;
  }

  /** Removes and returns the message of {@link earliest}, which has to be read first. */
  pop(): Message | undefined {
    return this.#heap.pop()?.message;
  }
}

function newHeap(): Heap<DueTime> {
  return new Heap((a, b) => a.at < b.at);
}
