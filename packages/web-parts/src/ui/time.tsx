import { formatAgo, formatDateTime } from "../format.ts";
import { useNow } from "../hooks/hooks.ts";

/** How long ago something was, kept up to date; the exact time when it is pointed at. */
export function TimeAgo({ at }: { readonly at: number }) {
  const now = useNow(30_000);
  return (
    <time dateTime={new Date(at).toISOString()} title={formatDateTime(at)}>
      {formatAgo(at, now)}
    </time>
  );
}
