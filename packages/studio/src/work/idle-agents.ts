export interface IdleAgentsOptions {
  /** An agent stays up for this time without work. */
  readonly idleMs: number;
  /** More than this many are not kept. */
  readonly most: number;
  /** Stops the agent of a task. */
  readonly evict: (taskId: string) => void;
}

/**
 * Agents that have no work and stay up for the next prompt. One whose terminals are open is kept for as long as they
 * are; when there are too many, those without terminals go first, longest idle first.
 */
export class IdleAgents {
  readonly #options: IdleAgentsOptions;
  /** Timers by task, longest idle first. */
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Number of open terminals by task. */
  readonly #terminals = new Map<string, number>();

  constructor(options: IdleAgentsOptions) {
    this.#options = options;
  }

  add(taskId: string): void {
    this.delete(taskId);
    this.#startTimer(taskId);
    const [used, unused] = [[] as string[], [] as string[]];
    for (const id of this.#timers.keys()) (this.#terminals.has(id) ? used : unused).push(id);
    for (const id of [...unused, ...used]) {
      if (this.#timers.size <= this.#options.most) break;
      this.#evict(id);
    }
  }

  /** The task has work again, or its agent has ended. */
  delete(taskId: string): void {
    clearTimeout(this.#timers.get(taskId));
    this.#timers.delete(taskId);
  }

  /** Keeps the agent until the function that is returned is called: from then on, it is idle for the whole time again. */
  hold(taskId: string): () => void {
    this.#terminals.set(taskId, (this.#terminals.get(taskId) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#terminals.get(taskId) ?? 1) - 1;
      if (left > 0) this.#terminals.set(taskId, left);
      else this.#terminals.delete(taskId);
      if (left === 0 && this.#timers.has(taskId)) this.#startTimer(taskId);
    };
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #startTimer(taskId: string): void {
    clearTimeout(this.#timers.get(taskId));
    const timer = setTimeout(() => {
      // The end of its last terminal starts the time anew.
      if (!this.#terminals.has(taskId)) this.#evict(taskId);
    }, this.#options.idleMs);
    timer.unref();
    this.#timers.set(taskId, timer);
  }

  #evict(taskId: string): void {
    this.delete(taskId);
    this.#options.evict(taskId);
  }
}
