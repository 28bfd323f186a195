import { CallContext } from "../calls/context.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { RawContext } from "../raw/raw-context.ts";
import type { LockHolder } from "./transaction-lock.ts";

type OutsideDependencies = Pick<ActorCore, "transactionLock" | "transactions">;

/**
 * Waits for something that only another turn can cause, without blocking transactions. If one has started in the
 * meantime, resolves after it has ended.
 */
export async function outsideTransaction<T>(
  actor: OutsideDependencies,
  owner: object,
  wait: () => Promise<T>,
): Promise<T> {
  const { transactionLock } = actor;
  const holder = findLockHolder(owner);
  if (holder === undefined || !transactionLock.park(holder)) return wait();
  try {
    return await wait();
  } finally {
    const { transactions } = actor;
    for (
      let end = transactions.whenOthersEnd(owner);
      end !== undefined;
      end = transactions.whenOthersEnd(owner)
    ) {
      await end;
    }
    transactionLock.unpark(holder);
  }
}

/** The lock holder behind a context, if the context has one. */
export function findLockHolder(owner: object): LockHolder | undefined {
  if (owner instanceof CallContext) return CallContext.callOf(owner);
  return owner instanceof RawContext ? owner : undefined;
}
