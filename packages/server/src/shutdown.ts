import type { Ports } from "@holdfast/core";
import { onTermination } from "./gateway/process/signals.ts";
import { serverLimits } from "./limits.ts";

/** What a signal to the process means for the registry. */
export interface ShutdownOptions {
  /** How long SIGTERM or SIGINT lets the actors finish: 30,000 ms. */
  readonly gracePeriodMs?: number | undefined;
  /** Leave SIGTERM and SIGINT to the program. */
  readonly disableSignalHandlers?: boolean | undefined;
}

/** The time in which a registry takes requests of its own and listens to signals. */
export interface RegistryLifetime {
  began(): void;
  ended(): void;
}

/** Without options the process and its signals belong to somebody else. */
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
