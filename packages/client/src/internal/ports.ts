/** Reconnection, backoff, pending calls, and the proxies of handles and connections. */
import { type Clock, type Random, systemClock, systemRandom, systemTasks, type Tasks } from "@holdfast/core";
import { onReconnectTrigger } from "../connection/reconnect-triggers.ts";

/** Environment of a client: clock, randomness and timers. In-process clients get those of the simulator. */
export interface ClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly tasks: Tasks;
  /** Calls back when reconnecting early is worthwhile. The returned function unsubscribes. */
  readonly onReconnectTrigger?: (listener: () => void) => () => void;
  /** Receives what connection callbacks throw. Default: the console. */
  readonly reportError?: (error: unknown) => void;
  /** Receives the failures of sends that are never awaited. Default: an unhandled rejection. */
  readonly reportSendFailure?: (error: unknown) => void;
}

/** Unlike a server's timers, these keep the process alive: a caller awaits them. */
export const clientPorts: ClientPorts = {
  clock: systemClock,
  random: systemRandom,
  tasks: {
    after(delayMs, fn) {
      const timer = setTimeout(fn, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
    macrotask: systemTasks.macrotask,
  },
  onReconnectTrigger: onReconnectTrigger,
};
