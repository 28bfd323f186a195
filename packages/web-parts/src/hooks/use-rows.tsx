import { type ReactNode, useState } from "react";
import { formatCount } from "../format.ts";

/** How many rows are drawn at once: each takes its time, whether it is seen or not. */
const rowsAtOnce = 300;

/** The beginning of a list of any length, and a button for more of it, where there is more. */
export function useRows<Item>(items: readonly Item[]): {
  readonly rows: readonly Item[];
  readonly more: ReactNode;
} {
  const [count, setCount] = useState(rowsAtOnce);
  const rest = items.length - count;
  const more = rest > 0 && (
    <button type="button" className="link-button" onClick={() => setCount(count + rowsAtOnce)}>
      Show {formatCount(Math.min(rest, rowsAtOnce))} more of {formatCount(items.length)}
    </button>
  );
  return { rows: items.slice(0, count), more };
}
