import type { DevStatus } from "../../dev-status.ts";

/** How many things are wrong with the program. */
export function problemCount(status: DevStatus | undefined): number {
  return (status?.problem === undefined ? 0 : 1) + (status?.types?.length ?? 0);
}
