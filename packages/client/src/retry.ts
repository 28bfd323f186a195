import { isErrorCode, isHoldfastError } from "@holdfast/core";
import { backoffDelayMs, delay } from "./internal/backoff.ts";
import type { ClientPorts } from "./internal/ports.ts";
import { clientLimits } from "./limits.ts";

/**
 * Errors after which a keyed call may be sent again: either nothing ran, or the idempotency key makes the second
 * arrival join or repeat the first.
 */
const retryable: ReadonlySet<string> = new Set([
  "actor.stopping",
  "actor.starting",
  "actor.fenced",
  "actor.moved",
  "store.unavailable",
  "store.indeterminate",
  "cluster.node_lost",
  "gateway.shutting_down",
  "server.busy",
  "client.network_error",
]);

/** True for an error after which the same call may be made again with the same idempotency key. */
export function isRetryable(error: unknown): boolean {
  return isHoldfastError(error) && retryable.has(`${error.group}.${error.code}`);
}

/** Time that the server asks to wait, in milliseconds. */
export function retryAfterMs(error: unknown): number {
  if (!isErrorCode(error, "server", "busy")) return 0;
  const { retryAfterMs: ms } = (error.metadata ?? {}) as { readonly retryAfterMs?: unknown };
  return typeof ms === "number" && ms > 0 ? Math.min(ms, clientLimits.retryMaxMs) : 0;
}

/** Retries `attempt` with backoff until it succeeds, fails permanently, or runs out of attempts. */
export async function withRetry<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal | undefined,
  ports: ClientPorts,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted();
    let pauseMs: number;
    try {
      return await attempt();
    } catch (error) {
      // A cancelled call rejects with its caller's reason, whatever the server answered.
      signal?.throwIfAborted();
      if (!isRetryable(error) || tries + 1 >= clientLimits.maxCallAttempts) throw error;
      pauseMs = retryAfterMs(error);
    }
    const options = { minMs: clientLimits.retryMinMs, maxMs: clientLimits.retryMaxMs };
    await delay(pauseMs + backoffDelayMs(tries, options, ports), signal, ports);
  }
}
