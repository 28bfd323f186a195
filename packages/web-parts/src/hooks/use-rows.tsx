import { type ReactNode, useState } from "react";
import { formatCount } from "../format.ts";

/** Number of rows to render at a time. Every row costs time, even off screen. */
const rowsPerPage = 300;

/** Returns the first rows of a long list, and a button for the next ones. */
export function useRows<Item>(items: readonly Item[]): {
  readonly rows: readonly Item[];
  readonly more: ReactNode;
} {
  const [count, setCount] = useState(rowsPerPage);
  const rest = items.length - count;
  const more = rest > 0 && (
    <button type="button" className="link-button" onClick={() => setCount(count + rowsPerPage)}>
      Show {formatCount(Math.min(rest, rowsPerPage))} more of {formatCount(items.length)}
    </button>
  );
  return { rows: items.slice(0, count), more };
}
