/** A sequential object: what each operation would return, and leave behind, if it ran alone. */
export interface Model<Operation, Result> {
  readonly initial: string;
  /** The state after `operation`; undefined where the state before it does not allow `result`. */
  apply(state: string, operation: Operation, result: Result | undefined): string | undefined;
}

/** One operation of a client. */
export interface Recorded<Operation, Result> {
  readonly operation: Operation;
  readonly calledAt: number;
  /** Infinite while nobody knows whether it ran: then it may run at any time, or never. */
  readonly returnedAt: number;
  readonly result: Result | undefined;
}

/** What clients asked of one object and were told, in the order in which it happened. */
export class History<Operation, Result> {
  readonly #operations: Recorded<Operation, Result>[] = [];
  #time = 0;

  get length(): number {
    return this.#operations.length;
  }

  /** Runs `call`; what it throws is passed on, and leaves open whether it ran. */
  async record(operation: Operation, call: () => Promise<Result>): Promise<Result> {
    const index = this.#operations.length;
    const calledAt = this.#time++;
    this.#operations.push({ operation, calledAt, returnedAt: Number.POSITIVE_INFINITY, result: undefined });
    const result = await call();
    this.#operations[index] = { operation, calledAt, returnedAt: this.#time++, result };
    return result;
  }

  check(model: Model<Operation, Result>, maxVisits?: number): Verdict {
    return isLinearizable(this.#operations, model, maxVisits);
  }

  toString(): string {
    return this.#operations
      .map(
        ({ operation, calledAt, returnedAt, result }) =>
          `[${calledAt}, ${returnedAt}] ${JSON.stringify(operation)} -> ${JSON.stringify(result)}`,
      )
      .join("\n");
  }
}

/** `unknown`: the search was given up. */
export type Verdict = "linearizable" | "not linearizable" | "unknown";

/**
 * Whether there is an order of the operations that a single object could have served one after the other,
 * and that respects which of them ended before others began. The search of Wing and Gong (1993), with
 * Lowe's memory of the pairs of state and set of operations that were tried before.
 */
export function isLinearizable<Operation, Result>(
  operations: readonly Recorded<Operation, Result>[],
  model: Model<Operation, Result>,
  maxVisits = 300_000,
): Verdict {
  const sorted = [...operations].sort((a, b) => a.calledAt - b.calledAt);
  const completed = sorted.filter(({ returnedAt }) => Number.isFinite(returnedAt)).length;
  const seen = new Set<string>();
  const done = new Uint8Array(sorted.length);
  let visits = 0;

  /** Tries to go on from here with each operation that nothing else has to precede. */
  const search = (state: string, left: number): boolean => {
    if (left === 0) return true;
    const memo = `${done.join("")} ${state}`;
    if (seen.has(memo) || visits >= maxVisits) return false;
    seen.add(memo);
    visits++;
    let firstReturn = Number.POSITIVE_INFINITY;
    for (const [at, { returnedAt }] of sorted.entries()) {
      if (done[at] === 0) firstReturn = Math.min(firstReturn, returnedAt);
    }
    for (const [at, { operation, calledAt, returnedAt, result }] of sorted.entries()) {
      if (calledAt > firstReturn) break;
      if (done[at] === 1) continue;
      const isOpen = !Number.isFinite(returnedAt);
      const next = model.apply(state, operation, isOpen ? undefined : result);
      if (next === undefined) continue;
      done[at] = 1;
      if (search(next, isOpen ? left : left - 1)) return true;
      done[at] = 0;
    }
    return false;
  };

  if (search(model.initial, completed)) return "linearizable";
  return visits >= maxVisits ? "unknown" : "not linearizable";
}
