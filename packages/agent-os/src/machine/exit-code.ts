import { constants } from "node:os";

/** Exit code of what ended with its machine: as after SIGKILL. */
export const killedCode = 128 + constants.signals.SIGKILL;

/** As a shell tells it: 128 and the number of the signal. */
export function exitCodeOf(process: { readonly exitCode?: number | null }): number {
  if (typeof process.exitCode === "number") return process.exitCode;
  const signal: unknown = Reflect.get(process, "signal");
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return number === undefined ? killedCode : 128 + number;
}
