import { CallContext } from "./context.ts";
import { RawContext } from "./raw-context.ts";
import type { RunningActor } from "./running-actor.ts";
import type { Insider } from "./turnstile.ts";

/**
 * Waits for what only other turns can bring about. A transaction need not wait for this context meanwhile:
 * what goes on here does so after it. Throws when the actor stops.
 */
export async function aside<T>(runtime: RunningActor, owner: object, wait: () => Promise<T>): Promise<T> {
  const { turnstile } = runtime;
  const insider = insiderOf(owner);
  if (insider === undefined || !turnstile.park(insider)) return wait();
  try {
    return await wait();
  } finally {
    try {
      // A transaction of its own may wait for this very wait.
      while (!runtime.transactions.has(owner)) {
        const held = turnstile.pass();
        if (held === undefined) break;
        await held;
      }
    } finally {
      turnstile.unpark(insider);
    }
  }
}

/** Who has a place inside, in which its own transaction does not wait for it. */
export function insiderOf(owner: object): Insider | undefined {
  if (owner instanceof CallContext) return CallContext.callOf(owner);
  return owner instanceof RawContext ? owner : undefined;
}
