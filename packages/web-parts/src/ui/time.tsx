import { formatAgo, formatDateTime } from "../format.ts";
import { useNow } from "../hooks/hooks.ts";

/** Elapsed time, kept up to date, with the exact time as a tooltip. */
export function TimeAgo({ at }: { readonly at: number }) {
  const now = useNow(30_000);
  return (
    <time dateTime={new Date(at).toISOString()} title={formatDateTime(at)}>
      {formatAgo(at, now)}
    </time>
  );
}
