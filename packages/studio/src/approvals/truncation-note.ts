import type { ApprovalView } from "../contract.ts";

/**
 * Note to show below a question's detail if parts are missing; undefined if it is complete. An agent's question is
 * truncated at its end. The gate truncates each argument of a call separately, and marks how much is missing.
 */
export function truncationNote({
  boundary,
  truncated,
}: Pick<ApprovalView, "boundary" | "truncated">): string | undefined {
  if (!truncated) return undefined;
  return boundary === undefined
    ? "… truncated here: the rest is not shown"
    : "Parts are not shown. The marks above say how much is missing.";
}
