/** Reconnect, backoff, pending calls and proxies behind handles and connections. */
import { type Clock, type Random, systemClock, systemRandom, systemTasks, type Tasks } from "@holdfast/core";
import { onReconnectTrigger } from "./reconnect-triggers.ts";

/** What a client needs of its surroundings; in-process clients of actors get the simulator's. */
export interface ClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly tasks: Tasks;
  /** Tells when it is worth to connect again before the time; ends with the function that it returns. */
  readonly onReconnectTrigger?: (listener: () => void) => () => void;
  /** Hears what a callback of a connection throws; by default the console does. */
  readonly reportError?: (error: unknown) => void;
  /** Hears of sends that failed and that nobody awaits; by default the process does. */
  readonly reportSend?: (error: unknown) => void;
}

/** Unlike a server's, a client's timers keep the process alive: somebody awaits what follows them. */
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
