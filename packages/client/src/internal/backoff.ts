import type { ClientPorts } from "./ports.ts";

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Exponential backoff from `minMs` to `maxMs`, half of each delay random. */
export function backoffDelayMs(attempt: number, options: BackoffOptions, ports: ClientPorts): number {
  const full = Math.min(options.maxMs, options.minMs * 2 ** Math.min(attempt, 30));
  const byte = ports.random.bytes(1)[0] ?? 0;
  return Math.round(full / 2 + (full / 2) * (byte / 255));
}

/** Resolves after `delayMs`, or rejects with the signal's reason when the signal aborts first. */
export function delay(delayMs: number, signal: AbortSignal | undefined, ports: ClientPorts): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const abort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = ports.tasks.after(delayMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}
