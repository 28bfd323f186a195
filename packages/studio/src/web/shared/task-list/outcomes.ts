import { HoldfastError } from "@holdfast/core";
import type { TaskOutcome } from "../../../contract.ts";

/** Throws the first refusal among the outcomes of an action on tasks. */
export function requireDone(outcomes: readonly TaskOutcome[]): void {
  const error = outcomes.find((outcome) => outcome.error !== undefined)?.error;
  if (error !== undefined) throw new HoldfastError(error.group, error.code, error.message);
}
