import { type Clock, type Random, systemClock, systemRandom, systemTasks, type Tasks } from "@holdfast/core";

/** What a client needs of its surroundings; in-process clients of actors get the simulator's. */
export interface ClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly tasks: Tasks;
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
};
