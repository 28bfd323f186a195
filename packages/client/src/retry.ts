import { isHoldfastError } from "@holdfast/core";
import { backoffDelayMs, delay } from "./internal/backoff.ts";
import type { ClientPorts } from "./internal/ports.ts";
import { clientLimits } from "./limits.ts";

/**
 * Errors after which a keyed call may be sent again: either nothing ran, or the idempotency key makes
 * a second arrival join or repeat the first.
 */
const retryable: ReadonlySet<string> = new Set([
  "actor.stopping",
  "actor.starting",
  "actor.fenced",
  "store.unavailable",
  "store.indeterminate",
  "gateway.shutting_down",
  "client.network_error",
]);

/** True for an error after which the same call, with the same idempotency key, may be made again. */
export function isRetryable(error: unknown): boolean {
  return isHoldfastError(error) && retryable.has(`${error.group}.${error.code}`);
}

/** Runs `attempt` until it succeeds, fails for good, or is out of attempts; waits longer each time. */
export async function withRetry<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal | undefined,
  ports: ClientPorts,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      // A cancelled call ends with its caller's own reason, whatever it ended with at the other side.
      signal?.throwIfAborted();
      if (!isRetryable(error) || tries + 1 >= clientLimits.maxCallAttempts) throw error;
    }
    const options = { minMs: clientLimits.retryMinMs, maxMs: clientLimits.retryMaxMs };
    await delay(backoffDelayMs(tries, options, ports), signal, ports);
  }
}
