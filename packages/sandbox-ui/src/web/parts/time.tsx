import { formatAgo, formatDateTime } from "../api/format.ts";
import { useNow } from "../app/hooks.ts";

export function TimeAgo({ at }: { readonly at: number }) {
  const now = useNow(30_000);
  return (
    <time dateTime={new Date(at).toISOString()} title={formatDateTime(at)}>
      {formatAgo(at, now)}
    </time>
  );
}
