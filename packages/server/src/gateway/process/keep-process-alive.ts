import { setInterval } from "node:timers";

const longestDelayMs = 2_147_483_647;
let keeper: NodeJS.Timeout | undefined;
let holders = 0;

/**
 * Keeps the process alive until the returned function is called. Timers of actors do not, so that a program with idle
 * actors can end; a program that awaits an actor must not.
 */
export function keepProcessAlive(): () => void {
  keeper ??= setInterval(() => undefined, longestDelayMs);
  if (holders++ === 0) keeper.ref();
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    if (--holders === 0) keeper?.unref();
  };
}
