import type { ActorStore } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";

/** How a commit fails: before it is applied, or after, with an unknown outcome. */
export interface CommitFailure {
  readonly when?: "before" | "after";
  /** Default: `store.unavailable` (before) or `store.indeterminate` (after). */
  readonly error?: Error;
}

/** Store of one simulated process, with fault injection. */
export interface TestStore extends ActorStore {
  /** True while an operation is pending. */
  readonly busy: boolean;
  failNextCommit(failure: CommitFailure): void;
  /** Simulates the crash of the process: none of its later operations reaches the data. */
  crash(): void;
}

/** Creates one process's view of a test's store. */
export function createTestStore(store: ActorStore): TestStore {
  const failures: CommitFailure[] = [];
  let pending = 0;
  let crashed = false;
  const never = new Promise<never>(() => undefined);

  /** Counts pending operations. After a crash none of them settles. */
  const track = (result: unknown): unknown => {
    if (!(result instanceof Promise)) return result;
    pending++;
    return result
      .finally(() => {
        pending--;
      })
      .then(
        (value: unknown) => (crashed ? never : value),
        (error: unknown) => (crashed ? never : Promise.reject(error)),
      );
  };

  const commit = (call: () => unknown): unknown => {
    if (crashed) return never;
    const failure = failures.shift();
    if (failure === undefined) return track(call());
    if (failure.when !== "after") return Promise.reject(failure.error ?? unavailable());
    const failed = Promise.resolve(call()).then(() => Promise.reject(failure.error ?? indeterminate()));
    return track(failed);
  };

  const overrides = {
    failNextCommit: (failure: CommitFailure) => void failures.push(failure),
    crash: () => {
      crashed = true;
    },
    // The data outlives the processes of the test.
    close: async () => undefined,
  };
  return new Proxy(store, {
    get(target, property) {
      if (property === "busy") return pending > 0;
      if (property in overrides) return Reflect.get(overrides, property);
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (property !== "commit") return track(Reflect.apply(value, target, args));
        return commit(() => Reflect.apply(value, target, args));
      };
    },
  }) as TestStore;
}

function unavailable(): HoldfastError {
  return new HoldfastError("store", "unavailable", "The store is unavailable (injected by the test)");
}

function indeterminate(): HoldfastError {
  return new HoldfastError(
    "store",
    "indeterminate",
    "The outcome of the commit is unknown (injected by the test)",
  );
}
