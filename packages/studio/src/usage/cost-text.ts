import type { UsageAmounts } from "../contract/usage.ts";

/** "$1.23", "$1.23 + unknown", "unknown"; "$0.00" only where nothing was used, or what was used is free. */
export function costText({
  costMicros,
  unpricedRequests,
}: Pick<UsageAmounts, "costMicros" | "unpricedRequests">): string {
  const known = `$${(costMicros / 1e6).toFixed(costMicros > 0 && costMicros < 10_000 ? 4 : 2)}`;
  if (unpricedRequests === 0) return known;
  return costMicros === 0 ? "unknown" : `${known} + unknown`;
}
