import type { Ports } from "@holdfast/core";
import { onTermination } from "./gateway/process/signals.ts";
import { serverLimits } from "./limits.ts";

/** How a registry reacts to signals. */
export interface ShutdownOptions {
  /** Grace period of the actors after SIGTERM or SIGINT: 30,000 ms. */
  readonly gracePeriodMs?: number | undefined;
  /** Leaves SIGTERM and SIGINT to the program. */
  readonly disableSignalHandlers?: boolean | undefined;
}

/** The time during which a registry accepts requests of its own and handles signals. */
export interface RegistryLifetime {
  began(): void;
  ended(): void;
}

/** Without options, the process and its signals belong to the program. */
export function lifetimeOf(
  options: ShutdownOptions | undefined,
  ports: Ports,
  shutdown: () => Promise<void>,
): RegistryLifetime {
  if (options === undefined || options.disableSignalHandlers === true) {
    return { began: () => undefined, ended: () => undefined };
  }
  const graceMs = options.gracePeriodMs ?? serverLimits.shutdownGraceMs;
  const drain = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = ports.tasks.after(graceMs, () => {
        ports.log.warn("registry did not finish within its grace period", { graceMs });
        resolve();
      });
      shutdown()
        .catch((error: unknown) => ports.log.error("registry could not shut down", { error }))
        .finally(() => {
          timer.cancel();
          resolve();
        });
    });
  let off: (() => void) | undefined;
  return {
    began: () => {
      off ??= onTermination(drain);
    },
    ended: () => {
      off?.();
      off = undefined;
    },
  };
}
