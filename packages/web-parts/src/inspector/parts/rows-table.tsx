import { visibleText } from "@holdfast/sandbox-react/visible-text";
import type { DatabaseRow } from "../api/types.ts";
import { leafText } from "./json-tree.tsx";

const cellText = 300;

/** Rows of SQLite. `columns` is given if there is no row to derive them from. */
export function RowsTable({
  label,
  rows,
  columns,
}: {
  readonly label: string;
  readonly rows: readonly DatabaseRow[];
  readonly columns?: readonly string[];
}) {
  const names = columns ?? [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard.
    <section className="rows-scroll" tabIndex={0} aria-label={label}>
      <table className="rows-table">
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col">
                {visibleText(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {names.map((name) => (
                <td key={name}>
                  <Cell value={row[name]} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cell({ value }: { readonly value: unknown }) {
  if (value === null || value === undefined) return <span className="muted">null</span>;
  if (typeof value === "string") {
    const text = visibleText(value);
    return <span title={text}>{text.length > cellText ? `${text.slice(0, cellText)}…` : text}</span>;
  }
  return <span className={`json-${typeof value}`}>{leafText(value)}</span>;
}
