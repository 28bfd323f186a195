import type { ActorStore } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";

/** How a commit fails: before anything was applied, or after, so that its outcome is unknown. */
export interface CommitFailure {
  readonly when?: "before" | "after";
  /** `store.unavailable` (before) or `store.indeterminate` (after) unless given. */
  readonly error?: Error;
}

/** What a test can do to the store of the process that it watches. */
export interface TestStore extends ActorStore {
  /** Whether something is under way. */
  readonly busy: boolean;
  failNextCommit(failure: CommitFailure): void;
  /** The process that used this store is gone: nothing that it still does reaches the data. */
  abandon(): void;
}

/** The view of one process on the store of a test. */
export function testStore(store: ActorStore): TestStore {
  const failures: CommitFailure[] = [];
  let pending = 0;
  let abandoned = false;
  const never = new Promise<never>(() => undefined);

  /** Counts what is under way; in a process that is gone nothing settles any more. */
  const settle = (result: unknown): unknown => {
    if (!(result instanceof Promise)) return result;
    pending++;
    return result
      .finally(() => {
        pending--;
      })
      .then(
        (value: unknown) => (abandoned ? never : value),
        (error: unknown) => (abandoned ? never : Promise.reject(error)),
      );
  };

  const commit = (call: () => unknown): unknown => {
    if (abandoned) return never;
    const failure = failures.shift();
    if (failure === undefined) return settle(call());
    if (failure.when !== "after") return Promise.reject(failure.error ?? unavailable());
    const failed = Promise.resolve(call()).then(() => Promise.reject(failure.error ?? indeterminate()));
    return settle(failed);
  };

  const own = {
    failNextCommit: (failure: CommitFailure) => void failures.push(failure),
    abandon: () => {
      abandoned = true;
    },
    // The store of a test outlives the processes that use it.
    close: async () => undefined,
  };
  return new Proxy(store, {
    get(target, property) {
      if (property === "busy") return pending > 0;
      if (property in own) return Reflect.get(own, property);
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (property !== "commit") return settle(Reflect.apply(value, target, args));
        return commit(() => Reflect.apply(value, target, args));
      };
    },
  }) as TestStore;
}

function unavailable(): HoldfastError {
  return new HoldfastError("store", "unavailable", "The store is unavailable (planned by the test)");
}

function indeterminate(): HoldfastError {
  return new HoldfastError("store", "indeterminate", "The commit's outcome is unknown (planned by the test)");
}
