import { maxTimeoutMs } from "../../internal/max-timeout.ts";

/** Why a wait has ended. */
export type WakeReason = "changed" | "timeout" | "aborted";

/** Wakes waiters on a change. Stateless: check for changes before waiting. */
export class Notifier {
  readonly #waiting = new Set<() => void>();

  notify(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next change, after `timeoutMs` (at most 24 days), or when `signal` aborts. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<WakeReason> {
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve("aborted");
        return;
      }
      const finish = (reason: WakeReason) => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", abort);
        resolve(reason);
      };
      const wake = () => finish("changed");
      const abort = () => finish("aborted");
      const timer = setTimeout(() => finish("timeout"), Math.min(timeoutMs, maxTimeoutMs));
      this.#waiting.add(wake);
      signal?.addEventListener("abort", abort);
    });
  }
}
