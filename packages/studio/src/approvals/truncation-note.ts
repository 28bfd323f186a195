import type { ApprovalView } from "../contract.ts";

/**
 * What is said below the detail of a question of which not all is shown; undefined where all of it is. What an agent
 * asks is cut at its end; the gate cuts each argument of a call by itself, and marks how much is missing.
 */
export function truncationNote({
  boundary,
  truncated,
}: Pick<ApprovalView, "boundary" | "truncated">): string | undefined {
  if (!truncated) return undefined;
  return boundary === undefined
    ? "… cut here: the whole is longer"
    : "Not all of it is shown: the marks above say how much is missing";
}
