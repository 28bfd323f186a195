/** Sequential specification of an object: the result and effect of each operation in isolation. */
export interface Model<Operation, Result> {
  readonly initial: string;
  /** State after `operation`; undefined when the current state does not allow `result`. */
  apply(state: string, operation: Operation, result: Result | undefined): string | undefined;
}

/** Recorded operation of a client. */
export interface RecordedOperation<Operation, Result> {
  readonly operation: Operation;
  readonly calledAt: number;
  /** Infinite when the outcome is unknown: the operation may run at any later time, or never. */
  readonly returnedAt: number;
  readonly result: Result | undefined;
}

/** History of the operations on one object, with their results, in order. */
export class History<Operation, Result> {
  readonly #operations: RecordedOperation<Operation, Result>[] = [];
  #time = 0;

  get length(): number {
    return this.#operations.length;
  }

  /** Runs and records `call`. An error is rethrown, and leaves the outcome unknown. */
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

/** `unknown`: the search exceeded its limit. */
export type Verdict = "linearizable" | "not linearizable" | "unknown";

/**
 * Checks linearizability: whether some sequential order of the operations satisfies the model and respects their
 * real-time order. Algorithm of Wing and Gong (1993), with Lowe's memo of visited pairs of state and operations.
 */
export function isLinearizable<Operation, Result>(
  operations: readonly RecordedOperation<Operation, Result>[],
  model: Model<Operation, Result>,
  maxVisits = 300_000,
): Verdict {
  const sorted = [...operations].sort((a, b) => a.calledAt - b.calledAt);
  const completed = sorted.filter(({ returnedAt }) => Number.isFinite(returnedAt)).length;
  const visited = new Set<string>();
  const done = new Uint8Array(sorted.length);
  let visits = 0;

  /** Tries each operation that no other has to precede as the next one. */
  const search = (state: string, left: number): boolean => {
    if (left === 0) return true;
    const memo = `${done.join("")} ${state}`;
    if (visited.has(memo) || visits >= maxVisits) return false;
    visited.add(memo);
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
