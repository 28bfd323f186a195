import { CallContext } from "../calls/context.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import { RawContext } from "../raw/raw-context.ts";
import type { LockHolder } from "./transaction-lock.ts";

/**
 * Waits for what only other turns can bring about. A transaction need not wait for this context meanwhile:
 * where one has begun, what goes on here does so after it.
 */
export async function outsideTransaction<T>(
  runtime: RunningActor,
  owner: object,
  wait: () => Promise<T>,
): Promise<T> {
  const { transactionLock } = runtime;
  const holder = lockHolderOf(owner);
  if (holder === undefined || !transactionLock.park(holder)) return wait();
  try {
    return await wait();
  } finally {
    const { transactions } = runtime;
    for (let end = transactions.othersEnd(owner); end !== undefined; end = transactions.othersEnd(owner)) {
      await end;
    }
    transactionLock.unpark(holder);
  }
}

/** Who has a place inside, in which its own transaction does not wait for it. */
export function lockHolderOf(owner: object): LockHolder | undefined {
  if (owner instanceof CallContext) return CallContext.callOf(owner);
  return owner instanceof RawContext ? owner : undefined;
}
