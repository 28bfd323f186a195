import { busy } from "./admission.ts";

/**
 * Bounds the number of actors that are read from the store at a time, so that a takeover does not flood it. Those that
 * wait take turns by group: many actors of one group do not hold up a few of another.
 */
export class Activations {
  readonly #max: number;
  readonly #maxWaiting: number;
  #running = 0;
  #waiting = 0;
  /** Those that wait, by group; the order of the groups is that of their turns. */
  readonly #groups = new Map<number, (() => void)[]>();

  constructor(max: number, maxWaiting: number) {
    this.#max = max;
    this.#maxWaiting = maxWaiting;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Runs `work` when it is the group's turn. Throws `server.busy` if too many wait. */
  async run<T>(group: number, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#max) await this.#turn(group);
    else this.#running++;
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  #turn(group: number): Promise<void> {
    if (this.#waiting >= this.#maxWaiting)
      throw busy("As many actors wait to be loaded as this server takes");
    this.#waiting++;
    return new Promise((resolve) => {
      const queue = this.#groups.get(group);
      if (queue === undefined) this.#groups.set(group, [resolve]);
      else queue.push(resolve);
    });
  }

  /** Passes the place on to the group whose turn it is. */
  #next(): void {
    const [entry] = this.#groups;
    if (entry === undefined) {
      this.#running--;
      return;
    }
    const [group, queue] = entry;
    const begin = queue.shift();
    this.#groups.delete(group);
    // Behind the others.
    if (queue.length > 0) this.#groups.set(group, queue);
    this.#waiting--;
    begin?.();
  }
}
