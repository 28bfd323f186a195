import type { QueryClient } from "@tanstack/react-query";

/**
 * Refetches active queries. Running requests are cancelled first: their response may predate the change, and TanStack
 * Query would take the first response for a fresh one.
 */
export async function refetchActive(queries: QueryClient, queryKey: readonly string[] = []): Promise<void> {
  await queries.cancelQueries({ queryKey });
  await queries.invalidateQueries({ queryKey });
}
